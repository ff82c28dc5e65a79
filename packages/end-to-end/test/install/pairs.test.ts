import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { freePort } from '@openrouter-proxy/end-to-end';
import { expect, it } from 'vitest';
import { checkOut, configure } from './support/checkout.ts';
import { npmStart, run, runUntil } from './support/npm-run.ts';
import { AWKWARD_NAME, fakeSection, loginEnvironment, testFolder } from './support/stage.ts';
import { toolchainPath, type Pair } from './support/toolchain.ts';

/** The versions of npm that come with each Node, and the oldest that still work. */
const COMMON: readonly Pair[] = [
  { node: 20, npm: 10 },
  { node: 22, npm: 9 },
  { node: 24, npm: 11 },
];
const ALL = [20, 22, 24, 26].flatMap((node) => [9, 10, 11].map((npm) => ({ node, npm })));

/** INSTALL_PAIRS=all tries every pair; each costs two installations. */
const pairs = process.env['INSTALL_PAIRS'] === 'all' ? ALL : COMMON;

it.each(pairs)('a fresh checkout runs with Node $node and npm $npm', async (pair) => {
  const root = await testFolder();
  const folder = path.join(root, AWKWARD_NAME);
  await checkOut(folder);
  await configure(folder, await fakeSection());
  const options = { folder, env: loginEnvironment(await toolchainPath(pair), root) };

  const first = await npmStart(options);
  expect(first.output()).toContain('Installing dependencies');
  expect(first.output()).not.toMatch(/npm (?:warn|error)|added \d+ packages/i);
  const accessKey = await readFile(path.join(folder, '.openrouter-proxy/access_key'), 'utf8');
  const answer = await fetch(`${first.url}/api/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${accessKey.trim()}` },
    body: '{"model":"openai/gpt-4o","messages":[{"role":"user","content":"Hello"}]}',
  });
  expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('choices')]);
  const status = await run(['npm', 'run', '-s', 'kms', '--', 'status'], options);
  expect(status).toEqual({ exitCode: 0, output: expect.stringContaining('1 available') as string });
  await first.stop();

  const second = await npmStart(options);
  expect(second.output()).not.toMatch(/Installing|Building/);
  await second.stop();

  const demo = await runUntil(['npm', 'run', 'demo'], (line) => line.includes('Ctrl-C ends it'), {
    ...options,
    env: { ...options.env, DEMO_PORT: String(await freePort()) },
  });
  expect(demo.output()).toMatch(/The gateway\s+http:/);
  await demo.stop();

  const test = await run(
    ['npm', 'test', '--', 'packages/runtime/src/logging/secret.test.ts'],
    options,
  );
  expect(test).toEqual({ exitCode: 0, output: expect.stringContaining('1 passed') as string });
});
