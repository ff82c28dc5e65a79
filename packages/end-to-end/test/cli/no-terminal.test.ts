import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { PROGRAMS } from '@openrouter-proxy/end-to-end';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installCompletion } from './support/completion.ts';
import { kms, startProduct, type Product } from './support/product.ts';

const execute = promisify(execFile);
/** In colours: `ESC [ n m`. */
const COLOUR = /\u001b\[\d+m/;

let product: Product;

beforeAll(async () => {
  product = await startProduct(3);
  await product.ask('asked');
});

afterAll(async () => {
  await product[Symbol.asyncDispose]();
});

it('elsewhere than in a terminal there are no colours', () => {
  const { stdout } = spawnSync(
    process.execPath,
    [PROGRAMS.cli, 'keys', '--config', product.config],
    {
      encoding: 'utf8',
    },
  );
  expect(stdout).toContain('serving');
  expect(stdout).not.toMatch(COLOUR);
});

it('a watch outside a terminal prints a JSON document for each change', async () => {
  const interrupt = new AbortController();
  const states: (string | undefined)[] = [];
  const watching = kms(['keys', '--watch', '--json'], {
    product,
    interrupted: interrupt.signal,
    onOutput(text) {
      const { keys } = JSON.parse(text) as { keys: { state: { kind: string } }[] };
      states.push(keys[0]?.state.kind);
    },
  });
  await expect.poll(() => states.at(-1)).toBe('available');
  await kms(['cool', 'key-1', '--for', '1h'], { product });
  await expect.poll(() => states.at(-1)).toBe('cooling');
  await kms(['uncool', 'key-1'], { product });
  await expect.poll(() => states.at(-1)).toBe('available');
  interrupt.abort();
  expect((await watching).code).toBe(0);
});

describe('completion', () => {
  const complete = async (...words: string[]) =>
    (await kms(['__complete', '--', ...words], { product })).out
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split('\t')[0]);

  it('offers commands, their parts, options and their values, keys and files', async () => {
    expect(await complete('c')).toEqual(['cool', 'config', 'completion']);
    expect(await complete('config', '')).toEqual(['check', 'show']);
    expect(await complete('usage', '--b')).toEqual(['--by']);
    expect(await complete('usage', '--by', '')).toEqual(['key', 'model', 'client', 'day']);
    expect(await complete('cool', 'key-')).toEqual(['key-1', 'key-2', 'key-3']);
    expect(await complete('import', '')).toEqual([':files']);
    expect(await complete('status', '--socket', '')).toEqual([':files']);
  });

  it('works in bash', async () => {
    const { folder, env } = await installCompletion(product, 'bash');
    const words = 'COMP_WORDS=(kms cool key-); COMP_CWORD=2; _kms; echo "${COMPREPLY[@]}"';
    const { stdout } = await execute('bash', ['-c', `. ${folder}/script; ${words}`], { env });
    expect(stdout.trim()).toBe('key-1 key-2 key-3');
  });
});
