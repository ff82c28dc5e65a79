import { expect, it } from 'vitest';
import { textWidth } from './text-width.ts';

it.each([
  ['–', 1],
  ['…', 1],
  ['“”', 2],
  ['plain', 5],
  ['日本', 4],
  ['ﾊﾛｰ', 3],
  ['한국', 4],
  ['e\u0301', 1],
  ['👩‍👩‍👧', 2],
  ['❤️', 2],
  ['1️⃣', 2],
  ['🇩🇪', 2],
  ['\u200b', 0],
  ['a\u200bb', 2],
])('%j takes %i columns', (text, columns) => {
  expect(textWidth(text)).toBe(columns);
});
