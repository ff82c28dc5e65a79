import type { Address, Clock } from '@openrouter-proxy/runtime';
import type { Child } from './child.ts';
import type { Answer, Program } from './program.ts';

/** How long a start may take, in milliseconds. */
export interface StartDeadlines {
  /** Until the program says that it serves. */
  readonly announceMs: number;
  /** From then on, until it answers as one that does. */
  readonly answerMs: number;
}

/** Long, since a slow disk is no fault: they are there for a program that hangs. */
export const DEFAULT_DEADLINES: StartDeadlines = { announceMs: 30_000, answerMs: 5_000 };

const ASK_EVERY_MS = 25;

/** A program that serves. */
export interface Ready {
  readonly kind: 'ready';
  readonly address: Address | null;
  /** A hindrance from outside, such as keys that all cool down, does not make a start fail. */
  readonly answer: Answer;
}

/** What became of a start: the program serves, it ended first, or it missed a deadline. */
export type Start =
  Ready | { readonly kind: 'ended' } | { readonly kind: 'late'; readonly error: Error };

/** What waiting for a start depends on. */
export interface StartConditions {
  readonly deadlines: StartDeadlines;
  readonly clock: Clock;
}

/**
 * Waits until a child has said that it serves and answers a real call. One that answers that it is
 * hindered is given time to change that, and then taken as it is.
 */
export async function awaitStart(
  program: Program,
  child: Child,
  conditions: StartConditions,
): Promise<Start> {
  const over = new AbortController();
  const ended = child.ended.then((): Start => ({ kind: 'ended' }));
  try {
    return await Promise.race([ended, comeUp(program, child, conditions, over.signal)]);
  } finally {
    over.abort();
  }
}

async function comeUp(
  program: Program,
  child: Child,
  { deadlines, clock }: StartConditions,
  over: AbortSignal,
): Promise<Start> {
  const silence = clock.sleep(deadlines.announceMs, over).then(() => undefined);
  const address = await Promise.race([child.announced, silence]);
  if (address === undefined) {
    return { kind: 'late', error: new Error(`not up within ${deadlines.announceMs} ms`) };
  }
  const deadline = AbortSignal.any([over, AbortSignal.timeout(deadlines.answerMs)]);
  let answer: Answer | undefined;
  let cause: unknown;
  while (!deadline.aborted && answer?.kind !== 'ready') {
    try {
      answer = await program.ask(address, deadline);
    } catch (error) {
      cause = error; // it may not take calls yet: what counts is how it stands at the deadline
    }
    if (answer?.kind !== 'ready') await clock.sleep(ASK_EVERY_MS);
  }
  if (answer !== undefined) return { kind: 'ready', address, answer };
  return { kind: 'late', error: new Error('up, but it does not answer', { cause }) };
}
