import { eastAsianWidth } from 'get-east-asian-width';

/** Letters and signs that take one column each: those of most output. */
const ORDINARY = /^[\x20-\x7e–…“”]*$/;
/** Takes no column by itself: format characters such as a zero-width space, marks, control characters. */
const INVISIBLE = /^[\p{Cf}\p{M}\p{Cc}]+$/u;
/** Shown as a picture of two columns: a flag, or a character that asks for its emoji form. */
const PICTURE = /^\p{RI}{2}|\ufe0f/u;

/** How many columns of a terminal a text takes. */
export function textWidth(text: string): number {
  if (ORDINARY.test(text)) return text.length;
  const graphemes = new Intl.Segmenter().segment(text);
  return [...graphemes].reduce((sum, { segment }) => sum + graphemeWidth(segment), 0);
}

/** What a user sees as one character takes the columns of its first code point (UAX #29, UAX #11). */
function graphemeWidth(grapheme: string): number {
  if (INVISIBLE.test(grapheme)) return 0;
  if (PICTURE.test(grapheme)) return 2;
  return eastAsianWidth(grapheme.codePointAt(0) ?? 0);
}
