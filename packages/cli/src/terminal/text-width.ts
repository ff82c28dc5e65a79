import { createRequire } from 'node:module';

/** Letters and signs that take one column each: those of most output. */
const ORDINARY = /^[\x20-\x7e–…“”]*$/;
const require = createRequire(import.meta.url);

/** How many columns of a terminal a text takes. */
export function textWidth(text: string): number {
  if (ORDINARY.test(text)) return text.length;
  // It takes a while to load, and most output has no use for it.
  const { default: stringWidth } = require('string-width') as typeof import('string-width');
  return stringWidth(text);
}
