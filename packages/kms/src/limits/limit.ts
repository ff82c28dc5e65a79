import type { Cause, ModelPool } from '@openrouter-proxy/kms-protocol';

/** The subject of a limit that is not a key's own. */
export type Subject =
  | { readonly scope: 'account'; readonly account: string; readonly pool: ModelPool }
  | { readonly scope: 'account-model'; readonly account: string; readonly model: string }
  | { readonly scope: 'key-model'; readonly keyId: string; readonly model: string }
  | { readonly scope: 'model'; readonly model: string }
  | { readonly scope: 'upstream' };

/** The subject of a circuit breaker. */
export type CircuitSubject =
  | Extract<Subject, { scope: 'upstream' | 'model' }>
  | (Extract<Subject, { scope: 'account' }> & { readonly pool: 'all' });

/** Whether a subject has a circuit breaker. */
export function isCircuitSubject(subject: Subject): subject is CircuitSubject {
  if (subject.scope === 'account') return subject.pool === 'all';
  return subject.scope === 'upstream' || subject.scope === 'model';
}

/** A limit: its subject cannot serve until it ends. */
export interface Limit {
  readonly subject: Subject;
  readonly since: number;
  readonly until: number;
  readonly cause: Cause;
  /** The number of back-offs in a row; 0 if the end is not from a back-off. */
  readonly level: number;
  /** The failures that opened a circuit breaker; left out without one. */
  readonly evidence?: LimitEvidence;
}

/** The failures that opened a circuit breaker. */
export interface LimitEvidence {
  readonly requests: number;
  /** Their clients, as far as remembered. */
  readonly clients: readonly string[];
}

/** The id of a subject. Stored limits are named by it, so its form must not change. */
export function subjectId(subject: Subject): string {
  return JSON.stringify(partsOf(subject));
}

function partsOf(subject: Subject): readonly string[] {
  const { scope } = subject;
  switch (scope) {
    case 'account':
      return [scope, subject.account, subject.pool];
    case 'account-model':
      return [scope, subject.account, subject.model];
    case 'key-model':
      return [scope, subject.keyId, subject.model];
    case 'model':
      return [scope, subject.model];
    case 'upstream':
      return [scope];
  }
}

/** Whether a limit on a subject concerns only this key or its account. */
export function concernsKey(subject: Subject, key: { id: string; account: string }): boolean {
  if ('account' in subject) return subject.account === key.account;
  return 'keyId' in subject && subject.keyId === key.id;
}

const GUESSES: readonly Cause['source'][] = ['default', 'back-off', 'strike'];

/** Whether the end of a limit is a guess, not stated by OpenRouter or an operator. */
export function isGuess({ source }: Cause): boolean {
  return GUESSES.includes(source);
}

/** Whether a limit is this service's own count of an account's free requests. */
export function isOwnCount({ reason }: Pick<Cause, 'reason'>): boolean {
  return reason === 'free_requests_used';
}

/**
 * A limit at `now`; undefined once it is over. After the clock was set back, it never lasts longer
 * than at its start.
 */
export function settledLimit(limit: Limit, now: number): Limit | undefined {
  if (limit.until <= now) return undefined;
  if (limit.since <= now) return limit;
  return { ...limit, since: now, until: limit.until - (limit.since - now) };
}
