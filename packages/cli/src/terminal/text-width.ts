import { eastAsianWidth } from 'get-east-asian-width';

/** Characters of one column each, which most output consists of. */
const ORDINARY = /^[\x20-\x7e–…“”]*$/;
/** Characters without width: format characters such as a zero-width space, marks, control characters. */
const INVISIBLE = /^[\p{Cf}\p{M}\p{Cc}]+$/u;
/** Emoji of two columns: a flag, or a character with an emoji variation selector. */
const PICTURE = /^\p{RI}{2}|\ufe0f/u;

/** The width of a text in terminal columns. */
export function textWidth(text: string): number {
  if (ORDINARY.test(text)) return text.length;
  const graphemes = new Intl.Segmenter().segment(text);
  return [...graphemes].reduce((sum, { segment }) => sum + graphemeWidth(segment), 0);
}

/** A grapheme cluster has the width of its first code point (UAX #29, UAX #11). */
function graphemeWidth(grapheme: string): number {
  if (INVISIBLE.test(grapheme)) return 0;
  if (PICTURE.test(grapheme)) return 2;
  return eastAsianWidth(grapheme.codePointAt(0) ?? 0);
}
