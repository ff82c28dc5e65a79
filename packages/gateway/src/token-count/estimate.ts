import type { CountedPrompt } from './counted-prompt.ts';

/** Characters per token in text that is not tokenized. English has a few more. */
const CHARACTERS_PER_TOKEN = 4;
/** Characters that are tokenized. The rest is counted by length. */
const MAX_COUNTED = 4 * 1024 * 1024;
/** The longest run without a break that is tokenized whole: the time grows with its square. */
const LONGEST_RUN = 256;
const LONG_RUN = /\S{257,}|\s{257,}/g;

/** Claude's tokens are smaller than OpenAI's: by a sixth in English, more in code. */
const CLAUDE = /claude/i;
const CLAUDE_FACTOR = 1.2;

/** Counts the tokens of a text. */
export type TokenCounter = (text: string) => number;

function tokensOf(text: string, count: TokenCounter): number {
  let tokens = 0;
  let at = 0;
  for (const { 0: run, index } of text.matchAll(LONG_RUN)) {
    tokens += count(text.slice(at, index));
    for (let from = 0; from < run.length; from += LONGEST_RUN) {
      tokens += count(run.slice(from, from + LONGEST_RUN));
    }
    at = index + run.length;
  }
  return tokens + count(text.slice(at));
}

/** An estimate of a prompt's tokens. The work is bounded: see MAX_COUNTED and LONGEST_RUN. */
export function estimateTokens(prompt: CountedPrompt, count: TokenCounter): number {
  let tokens = 0;
  let room = MAX_COUNTED;
  for (const text of prompt.texts) {
    const counted = text.slice(0, room);
    room -= counted.length;
    tokens += tokensOf(counted, count) + (text.length - counted.length) / CHARACTERS_PER_TOKEN;
  }
  const factor = CLAUDE.test(prompt.model) ? CLAUDE_FACTOR : 1;
  return Math.ceil(tokens * factor) + prompt.otherTokens;
}

/** An estimate for a body that is not read, by its length in bytes. */
export function estimateByLength(bytes: number): number {
  return Math.ceil(bytes / CHARACTERS_PER_TOKEN);
}
