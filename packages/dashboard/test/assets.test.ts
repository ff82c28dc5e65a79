import { expect, it } from 'vitest';
import { readAssets } from '@openrouter-proxy/dashboard';

it('offers the built script and style under names that carry a hash', async () => {
  const { script, style, files } = await readAssets();
  expect(script).toMatch(/^\/metrics\/assets\/[\w-]+-[\w-]{8}\.js$/);
  expect(style).toMatch(/^\/metrics\/assets\/[\w-]+-[\w-]{8}\.css$/);
  const types = new Map(files.map(({ path, contentType }) => [path, contentType]));
  expect(types.get(script)).toBe('text/javascript; charset=utf-8');
  expect(types.get(style)).toBe('text/css; charset=utf-8');
});

it('stays small enough for a page that one opens in a hurry', async () => {
  const { files } = await readAssets();
  const bytes = files.reduce((sum, { body }) => sum + body.length, 0);
  expect(bytes).toBeLessThan(150_000);
});
