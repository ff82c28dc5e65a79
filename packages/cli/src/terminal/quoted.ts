import { plain } from '@openrouter-proxy/runtime';

/** The shape of OpenRouter keys. */
const KEY = /sk-or-[\w-]{4,}/gi;
/** A longer argument may be a misplaced secret, so it is not quoted. */
const LONGEST_WORD = 24;

/** Text with keys masked. */
export const masked = (text: string): string => text.replaceAll(KEY, 'sk-or-…');

/** An argument, quoted for a message. */
export function quoted(text: string): string {
  const isWord = text.length <= LONGEST_WORD || /[/.]/.test(text);
  return isWord ? `“${plain(masked(text))}”` : 'what was given';
}
