import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { configFile, FIELDS } from '../src/schema/config-file.ts';
import { valueAt } from '../src/values/value-path.ts';
import { reasonForNoEffect } from '../src/schema/without-effect.ts';
import { load, newKey, problemsOf, temporaryFolder } from './support.ts';

const EXAMPLE = await readFile(new URL('../../../config.yml.example', import.meta.url), 'utf8');

/** The example with every setting that is left out by default, and every optional entry, put in. */
const WHOLE = EXAMPLE.replaceAll(/^( *)# ( *(?:- )?[a-z_]+:)/gm, '$1$2');

/** The names that stand in a mapping, or in the mappings of a list. */
function namesIn(value: unknown): string[] {
  const mappings: unknown[] = Array.isArray(value) ? value : [value];
  const names = mappings.flatMap((mapping) =>
    typeof mapping === 'object' && mapping !== null ? Object.keys(mapping) : [],
  );
  return [...new Set(names)].toSorted();
}

test('it begins with the line that tells editors its schema', () => {
  expect(EXAMPLE.split('\n', 1)).toEqual(['# yaml-language-server: $schema=./config.schema.json']);
});

test('it is refused as it is, for its placeholders and nothing else', async () => {
  const line = (text: string) => EXAMPLE.split('\n').findIndex((each) => each.includes(text)) + 1;
  const placeholder = 'is the placeholder of the example:';
  expect(await problemsOf(EXAMPLE)).toEqual([
    `config.yml:${line('access_key: "your')}: server.access_key: ${placeholder} set one, or leave it out to have one made`,
    ...['first', 'second', 'third'].map(
      (which, index) =>
        `config.yml:${line(`your-${which}`)}: openrouter.keys[${index}]: ${placeholder} put your own OpenRouter key here`,
    ),
  ]);
});

test('what it shows are the defaults', () => {
  const shown = parse(EXAMPLE) as Record<'server' | 'openrouter', Record<string, unknown>>; // as the next test sees
  delete shown.server['access_key'];
  delete shown.openrouter['keys'];
  expect(configFile.parse(shown)).toEqual(configFile.parse({}));
});

test('it names every setting there is, and no other', () => {
  const whole: unknown = parse(WHOLE);
  for (const [section, fields] of Object.entries(FIELDS)) {
    const known = Object.entries(fields).filter(([, schema]) => !reasonForNoEffect(schema));
    const shown = namesIn(valueAt(whole, ...section.split('.').filter(Boolean)));
    expect(shown, section).toEqual(known.map(([name]) => name).toSorted());
  }
});

test('it loads with every optional setting put in', async () => {
  const cwd = await temporaryFolder();
  await mkdir(join(cwd, 'keys'));
  await writeFile(join(cwd, 'keys/team.txt'), newKey());
  const yaml = WHOLE.replaceAll(/sk-or-v1-your-[\w-]+/g, () => newKey()).replace(
    'your_local_access_key_here',
    'mine',
  );
  const { config } = await load(yaml, { cwd, env: { TEAM_KEY: newKey() } });
  expect(config.server.access_keys).toMatchObject([{ name: 'laptop' }]);
  expect(config.openrouter).toMatchObject({ keys: { length: 6 }, max_attempts: 5 });
});
