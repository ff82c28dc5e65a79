import { globSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadConfig } from '@openrouter-proxy/config';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kms, startProduct, type Product } from './support/product.ts';

const ROOT = path.resolve(import.meta.dirname, '../../../..');
const FILES = ['README.md', ...globSync('docs/*.md', { cwd: ROOT })];
const BLOCK = /^```(?<language>\w+)\n(?<code>[\s\S]*?)^```$/gm;

/** The code blocks of a language in all documents, with where they stand. */
const blocks = (...languages: string[]) =>
  FILES.flatMap((file) =>
    Array.from(readFileSync(path.join(ROOT, file), 'utf8').matchAll(BLOCK), ({ groups = {} }) => ({
      file,
      language: groups['language'] ?? '',
      code: groups['code'] ?? '',
    })),
  ).filter(({ language }) => languages.includes(language));

let product: Product;
let folder: string;

beforeAll(async () => {
  product = await startProduct(2);
  await product.configure({
    keys: product.fake.keys.map(({ secret }, index) => ({
      key: secret,
      name: ['team-b', 'other'][index],
    })),
  });
  expect((await kms(['reload'], { product })).code).toBe(0);
  await product.ask('0249721c-176f-4284-848a-00d80a852900');
  folder = await mkdtemp(path.join(tmpdir(), 'documents-'));
  const [key = ''] = product.secrets;
  for (const name of ['.env', 'keys.txt', 'config.yml']) {
    await writeFile(path.join(folder, name), `KEY=${key}\n`);
  }
});

afterAll(async () => {
  await product[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** A line of a document as somebody would type it: without the comment, and with real names. */
function typed(line: string, n: number): string[] {
  const { keyId = '' } = { keyId: ids[0] };
  return (
    line
      .replace(/^npm run (?:-s )?kms -- /, 'kms ')
      .replace(/ # .*$/, '')
      .replace(/ [|>] .*$/, '')
      .replaceAll(/\bNAME\b/g, 'team-b')
      .replaceAll(/\b(?:THE-)?REQUEST-ID\b/g, '0249721c-176f-4284-848a-00d80a852900')
      .replace('3fa1', keyId.slice(0, 6))
      .replace(/(import) OLD\//, '$1 ')
      .replace(/--output \S+/, `--output made-${n}.yml`)
      .replace(/--config new\.yml/, `--config ${product.config}`)
      .replace(/(import) (\S+)/, `$1 ${folder}/$2`)
      .replace(/(--output) (\S+)/, `$1 ${folder}/$2`)
      .trim()
      .match(/"[^"]*"|\S+/g)
      ?.slice(1)
      .map((word) => word.replaceAll('"', '')) ?? []
  );
}

let ids: string[] = [];

describe('every command line of the documents', () => {
  const lines = blocks('sh')
    .flatMap(({ file, code }) => code.split('\n').map((line) => ({ file, line: line.trim() })))
    .filter(
      ({ line }) => /^(?:npm run (?:-s )?kms -- |kms )/.test(line) && !line.includes('--watch'),
    );

  it('is there to be tried', async () => {
    expect(lines.length).toBeGreaterThan(30);
    const { out } = await kms(['keys', '--json'], { product });
    ids = (JSON.parse(out) as { keys: { keyId: string }[] }).keys.map(({ keyId }) => keyId);
  });

  it.each(lines.map((entry, n) => ({ ...entry, n })))('$file: $line', async ({ line, n }) => {
    const { code, err } = await kms(typed(line, n), { product });
    expect([code, err]).toEqual([0, '']);
  });
});

describe('the table of', () => {
  const page = readFileSync(path.join(ROOT, 'docs/cli.md'), 'utf8');

  it.each(['keys', 'usage'])('`kms %s` has its columns explained', async (command) => {
    const { out } = await kms([command], { product, columns: 200 });
    const section = page.split(/^## /m).find((each) => each.startsWith(`\`kms ${command}\``)) ?? '';
    const explained = Array.from(section.matchAll(/^\| `([A-Z, ]+)`/gm), ([, title]) => title);
    expect(explained).toEqual(out.split('\n')[0]?.trim().split(/ {2,}/));
  });
});

describe('every configuration of the documents', () => {
  it.each(blocks('yaml').filter(({ code }) => /^(?:openrouter|server|state):/m.test(code)))(
    'in $file can be used',
    async ({ code }) => {
      const file = path.join(folder, 'documented.yml');
      const [key = ''] = product.secrets;
      const keyFile = path.join(folder, 'a.key');
      await writeFile(keyFile, key, { mode: 0o600 });
      const text = code
        .replaceAll('/etc/openrouter-proxy/ben.key', keyFile)
        .replaceAll(/sk-or-(?:v1-)?…/g, key);
      const withKeys = /^\s+keys:/m.test(text) ? {} : { OPENROUTER_KEYS: key };
      await writeFile(file, text, { mode: 0o600 });
      const env = { ...withKeys, ANN_KEY: product.secrets[1] ?? '' };
      await expect(loadConfig({ path: file, env, cwd: folder })).resolves.toBeDefined();
    },
  );
});
