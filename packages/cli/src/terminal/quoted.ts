import { plain } from '@openrouter-proxy/runtime';

/** OpenRouter's keys, wherever they stand. */
const KEY = /sk-or-[\w-]{4,}/gi;
/** What is longer than a word one types may be a secret in the wrong place. */
const LONGEST_WORD = 24;

/** Text without anything that looks like a key. */
export const masked = (text: string): string => text.replaceAll(KEY, 'sk-or-…');

/** What was typed, as a message may say it again. */
export function quoted(text: string): string {
  const isWord = text.length <= LONGEST_WORD || /[/.]/.test(text);
  return isWord ? `“${plain(masked(text))}”` : 'what was given';
}
