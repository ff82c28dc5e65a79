import type { Address, Clock } from '@openrouter-proxy/runtime';
import type { Child } from './child.ts';
import type { Answer, Program } from './program.ts';

/** How long a start may take, in milliseconds. */
export interface StartDeadlines {
  /** Until the program announces its address. */
  readonly announceMs: number;
  /** From then on, until it answers that it is ready. */
  readonly answerMs: number;
}

/** Long, so that only a hung program misses them, not one on a slow disk. */
export const DEFAULT_DEADLINES: StartDeadlines = { announceMs: 30_000, answerMs: 5_000 };

const ASK_EVERY_MS = 25;

/** A started program. */
export interface Ready {
  readonly kind: 'ready';
  readonly address: Address | null;
  /** A start succeeds even if the program is not ready, for example while all keys cool down. */
  readonly answer: Answer;
}

/** The result of a start: ready, ended before, or too late. */
export type Start =
  Ready | { readonly kind: 'ended' } | { readonly kind: 'late'; readonly error: Error };

/** Dependencies of waiting for a start. */
export interface StartConditions {
  readonly deadlines: StartDeadlines;
  readonly clock: Clock;
}

/**
 * Waits until a child announces its address and answers a readiness check. If it stays "not ready" until
 * the deadline, the start succeeds all the same.
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
      cause = error; // it may not accept calls yet; the error counts at the deadline only
    }
    if (answer?.kind !== 'ready') await clock.sleep(ASK_EVERY_MS);
  }
  if (answer !== undefined) return { kind: 'ready', address, answer };
  return { kind: 'late', error: new Error('up, but it does not answer', { cause }) };
}
