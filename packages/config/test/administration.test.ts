import { expect, test } from 'vitest';
import { load, newKey, problemsOf } from './support.ts';

const config = async (openrouter: string) =>
  (await load(`openrouter:\n  keys: ['${newKey()}']\n${openrouter}`)).config;

test('administration is denied, and there are no presets, unless the file says otherwise', async () => {
  const { openrouter, server } = await config('');
  expect(openrouter).toMatchObject({ administration: 'deny', management_key: null, presets: {} });
  expect(server.public_url).toBeNull();
});

test('administration is allowed with a key of its own', async () => {
  const key = newKey();
  const { openrouter } = await config(`  administration: allow\n  management_key: '${key}'`);
  expect(openrouter.administration).toBe('allow');
  expect(openrouter.management_key?.reveal()).toBe(key);
});

test('administration without a key of its own is refused', async () => {
  const key = newKey();
  expect(await problemsOf(`openrouter: {keys: ['${key}'], administration: allow}`)).toEqual([
    expect.stringMatching(/management_key: must be set for `openrouter.administration: allow`$/),
  ]);
  const pooled = `openrouter: {keys: ['${key}'], administration: allow, management_key: '${key}'}`;
  expect(await problemsOf(pooled)).toEqual([
    expect.stringMatching(/management_key: must not be one of `openrouter.keys`$/),
  ]);
  const wrong = `openrouter: {keys: ['${key}'], management_key: 'my secret'}`;
  const problems = await problemsOf(wrong);
  expect(problems).toEqual([expect.stringMatching(/management_key: is not an OpenRouter key/)]);
  expect(problems.join('')).not.toContain('my secret');
});

test('presets are a mapping from their names to accounts', async () => {
  const { openrouter } = await config('  presets: {my-preset: team, other_1.2: key@home}');
  expect(openrouter.presets).toEqual({ 'my-preset': 'team', 'other_1.2': 'key@home' });
  expect((await config('  presets:')).openrouter.presets).toEqual({});
});

test.each([
  ['[a]', /presets: must be a mapping/],
  ['{"a b": team}', /presets: must name presets as OpenRouter does/],
  ['{mine: 7}', /presets: must name an account .* for the preset `mine`/],
  ['{mine: sk-or-v1-key}', /presets: must name an account/],
])('refuses the presets %s', async (presets, problem) => {
  const problems = await problemsOf(`openrouter: {keys: ['${newKey()}'], presets: ${presets}}`);
  expect(problems).toEqual([expect.stringMatching(problem)]);
  expect(problems.join('')).not.toContain('sk-or-v1-key');
});

test.each([
  ['https://ai.example.com', 'https://ai.example.com'],
  ['http://10.0.0.1:8080/', 'http://10.0.0.1:8080'],
])('the public URL %s is %s', async (given, origin) => {
  const yaml = `server: {public_url: '${given}'}\nopenrouter: {keys: ['${newKey()}']}`;
  expect((await load(yaml)).config.server.public_url).toBe(origin);
});

test.each([
  'ai.example.com',
  'https://a/b',
  'https://u:p@a',
  'https://a/?x',
  'ftp://a',
  'https://a/#x',
])('refuses the public URL %s', async (url) => {
  const yaml = `server: {public_url: '${url}'}\nopenrouter: {keys: ['${newKey()}']}`;
  expect(await problemsOf(yaml)).toEqual([
    expect.stringMatching(/public_url: must be an http or https URL without a path/),
  ]);
});
