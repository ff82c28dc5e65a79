import stringWidth from 'string-width';
import { expect, it } from 'vitest';
import { textWidth } from './text-width.ts';

it.each(['–', '…', '“”', 'plain', '日本', 'e\u0301', '👩‍👩‍👧', '\u200b'])(
  'is right about %j',
  (text) => {
    expect(textWidth(text)).toBe(stringWidth(text));
  },
);
