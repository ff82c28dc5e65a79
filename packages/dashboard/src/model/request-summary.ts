import type { LedgerStep, RequestView } from '@openrouter-proxy/kms-protocol';
import { failureInWords, verdictInWords } from '@openrouter-proxy/kms-protocol/words';

/** The tone of a request's result. */
export type Tone = 'good' | 'bad' | 'warn' | 'quiet';

/** The result of a request, in words. */
export interface Ending {
  readonly tone: Tone;
  readonly text: string;
}

/** The result of a request: a relayed answer, or an answer of the gateway. */
export function endingOf({ end }: RequestView): Ending {
  if (!end) return { tone: 'quiet', text: 'running' };
  if (end.verdict === 'client_abort') return { tone: 'quiet', text: 'client left' };
  if (end.failure !== null) return { tone: 'bad', text: failureInWords(end.failure) };
  if (end.verdict !== 'complete') return { tone: 'bad', text: verdictInWords(end.verdict) };
  const refused = end.status !== null && end.status >= 400;
  return refused ? { tone: 'warn', text: 'refused' } : { tone: 'good', text: 'answered' };
}

/** An attempt with a key. */
export type Attempt = Extract<LedgerStep, { kind: 'attempt' }>;

/** The attempts among the steps of a request. */
export function attemptsOf({ steps }: RequestView): Attempt[] {
  return steps.filter((step) => step.kind === 'attempt');
}

/** Whether a request and its attempts have ended. */
export function isOver(request: RequestView): boolean {
  return request.end !== null && attemptsOf(request).every(({ endedAt }) => endedAt !== null);
}

/** The names of the keys that were tried, each once, in order. */
export function keysTried(request: RequestView): string[] {
  return [...new Set(attemptsOf(request).map(({ keyName }) => keyName))];
}
