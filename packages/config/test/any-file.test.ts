import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { StartupError } from '@openrouter-proxy/runtime';
import { loadConfig } from '../src/index.ts';
import { FIELDS } from '../src/schema/config-file.ts';
import { newKey, temporaryFolder } from './support.ts';

const KEY = newKey();
const PASSWORD = 'canary-hunter2';

/** Everything a load says: its problems, or its warnings. Fails if it throws something else. */
async function saidAbout(content: string | Uint8Array, cwd: string): Promise<string> {
  const file = join(cwd, 'config.yml');
  await writeFile(file, content);
  try {
    return (await loadConfig({ env: {}, cwd })).warnings.join('\n');
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    expect(error.problems.length).toBeGreaterThan(0);
    for (const problem of error.problems) expect(problem).not.toMatch(/[\n\r]/);
    return error.message;
  } finally {
    await rm(file);
  }
}

const names = [...new Set(Object.values(FIELDS).flatMap((fields) => Object.keys(fields)))];
const scalar = fc.oneof(
  fc.constantFrom(KEY, `x${KEY}`, ` ${KEY} `, null, true, 'yes', '30s', '64MiB', 'INFO', 'same'),
  fc.string(),
  fc.double(),
  fc.integer(),
);
const name = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...names) },
  fc.constant(KEY),
  fc.string(),
);
const { anything } = fc.letrec<{ anything: unknown; mapping: unknown; list: unknown }>((tie) => ({
  anything: fc.oneof({ depthSize: 'small', maxDepth: 3 }, scalar, tie('mapping'), tie('list')),
  mapping: fc.dictionary(name, tie('anything'), { maxKeys: 6 }),
  list: fc.array(tie('anything'), { maxLength: 4 }),
}));
const document = fc.record(
  Object.fromEntries(
    Object.entries(FIELDS[''] ?? {}).map(([section]) => {
      const fields = Object.keys(FIELDS[section] ?? {}).map((field) => [field, anything] as const);
      const mapping = fc.record(Object.fromEntries(fields), { requiredKeys: [] });
      return [section, fc.oneof({ weight: 4, arbitrary: mapping }, anything)] as const;
    }),
  ),
  { requiredKeys: [] },
);

test('any data written as YAML is a configuration or refused, and no key is ever quoted', async () => {
  const cwd = await temporaryFolder();
  await fc.assert(
    fc.asyncProperty(fc.oneof(document, anything), async (value) => {
      expect(await saidAbout(stringify(value), cwd)).not.toContain(KEY.slice(0, 16));
    }),
    { numRuns: 1_000 },
  );
});

test('any bytes are a configuration or refused', async () => {
  const cwd = await temporaryFolder();
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      await saidAbout(bytes, cwd);
    }),
  );
});

test('a configuration that is cut or mixed up anywhere is loaded or refused, and quotes no secret', async () => {
  const cwd = await temporaryFolder();
  const whole = `
server: { access_key: ${PASSWORD}-1, access_keys: [{ name: a, key: ${PASSWORD}-2 }] }
openrouter:
  keys: [${KEY}, { key: "${KEY}x", name: b }]
  base_url: http://user:${PASSWORD}-3@host
requestProxy: { enabled: true, url: "http://user:${PASSWORD}-4@host" }
`;
  const position = fc.nat({ max: whole.length });
  const inserted = fc.constantFrom(
    '',
    '"',
    "'",
    '*',
    '&',
    '!',
    '@',
    '`',
    '|',
    '>',
    '{',
    '[',
    '- ',
    '? ',
  );
  await fc.assert(
    fc.asyncProperty(position, position, inserted, async (from, to, text) => {
      const content = whole.slice(0, from) + text + whole.slice(to);
      const said = await saidAbout(content, cwd);
      expect(said).not.toContain(KEY.slice(0, 16));
      expect(said).not.toContain(PASSWORD);
    }),
    { numRuns: 1_000 },
  );
});
