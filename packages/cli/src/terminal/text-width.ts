import stringWidth from 'string-width';

/** Letters and signs that take one column each: those of most output. */
const ORDINARY = /^[\x20-\x7e–…“”]*$/;

/** How many columns of a terminal a text takes. */
export function textWidth(text: string): number {
  return ORDINARY.test(text) ? text.length : stringWidth(text);
}
