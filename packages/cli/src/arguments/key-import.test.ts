import { expect, it } from 'vitest';
import { importKeys } from './key-import.ts';

const [A, B, C] = ['a', 'b', 'c'].map((letter) => `sk-or-v1-${letter.repeat(64)}`) as [
  string,
  string,
  string,
];

it('takes an ancestor’s configuration as it is', () => {
  const text = `server:\n  port: 1\nopenrouter:\n  keys:\n    - "${A}"\n    - ${B}\n`;
  expect(importKeys(text)).toEqual({ format: 'ancestor', names: ['key-1', 'key-2'], config: text });
});

it('names the keys of a .env file after their variables', () => {
  const text = `# comment\nOPENROUTER_API_KEY=${A}\nexport TEAM_B='${B}'\nLIST="${C}, ${A}"\nPORT=1\n`;
  expect(importKeys(text).names).toEqual(['openrouter-api-key', 'team-b', 'list-1']);
  expect(importKeys(text).format).toBe('env');
});

it('finds the keys of what gpt-load exports: lines, or JSON', () => {
  expect(importKeys(`${A}\n${B}\n${A}\n`)).toMatchObject({
    format: 'gpt-load',
    names: ['key-1', 'key-2'],
  });
  const json = JSON.stringify({
    groups: [{ name: 'openrouter', keys: [{ key_value: A }, { key_value: B }] }],
  });
  expect(importKeys(json)).toMatchObject({ format: 'gpt-load', names: ['key-1', 'key-2'] });
});

it('takes a list with names, comments and blank lines, without the keys in comments', () => {
  const text = `# of the team\n\nAnn.Lee = ${A}\n${B} # nobody's\n# old = ${C}\n`;
  expect(importKeys(text)).toMatchObject({ format: 'env', names: ['Ann.Lee', 'key-2'] });
  expect(importKeys(`${A}\n# ${B}\n`).names).toEqual(['key-1']);
});

it('keeps the comments of an ancestor’s configuration, and does not count keys in them', () => {
  const text = `openrouter:\n  keys:\n    - ${A}\n    # - ${B}\n`;
  expect(importKeys(text)).toEqual({ format: 'ancestor', names: ['key-1'], config: text });
});

it('finds nothing where there is nothing', () => {
  expect(importKeys('OPENAI_API_KEY=sk-proj-x\n').names).toEqual([]);
});

it('writes a configuration with the names and the keys', () => {
  expect(importKeys(`TEAM=${A}\n`).config).toContain(`    - { name: "team", key: "${A}" }\n`);
});
