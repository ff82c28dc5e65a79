import type { Cause, ModelPool } from '@openrouter-proxy/kms-protocol';

/** What a limit is about, if it is not a key's own. */
export type Subject =
  | { readonly scope: 'account'; readonly account: string; readonly pool: ModelPool }
  | { readonly scope: 'account-model'; readonly account: string; readonly model: string }
  | { readonly scope: 'key-model'; readonly keyId: string; readonly model: string }
  | { readonly scope: 'model'; readonly model: string }
  | { readonly scope: 'upstream' };

/** What a circuit breaker can be of. */
export type CircuitSubject =
  | Extract<Subject, { scope: 'upstream' | 'model' }>
  | (Extract<Subject, { scope: 'account' }> & { readonly pool: 'all' });

/** Whether a circuit breaker decides about a subject. */
export function isCircuitSubject(subject: Subject): subject is CircuitSubject {
  if (subject.scope === 'account') return subject.pool === 'all';
  return subject.scope === 'upstream' || subject.scope === 'model';
}

/** Something that cannot serve for a time. */
export interface Limit {
  readonly subject: Subject;
  readonly since: number;
  readonly until: number;
  readonly cause: Cause;
  /** How many back-offs in a row led here; 0: the end is no back-off's. */
  readonly level: number;
  /** What a circuit breaker opened for; left out: none did. */
  readonly evidence?: LimitEvidence;
}

/** The failures that a circuit breaker opened for. */
export interface LimitEvidence {
  readonly requests: number;
  /** Their clients, as far as they are remembered. */
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

/** Whether a limit on a subject concerns one key of a pool, or its account, and not all of them. */
export function concernsKey(subject: Subject, key: { id: string; account: string }): boolean {
  if ('account' in subject) return subject.account === key.account;
  return 'keyId' in subject && subject.keyId === key.id;
}

const GUESSES: readonly Cause['source'][] = ['default', 'back-off', 'strike'];

/** Whether the end of a limit is a guess: nobody who knows has named it. */
export function isGuess({ source }: Cause): boolean {
  return GUESSES.includes(source);
}

/** Whether a limit is this service's own count of an account's free requests. */
export function isOwnCount({ reason }: Pick<Cause, 'reason'>): boolean {
  return reason === 'free_requests_used';
}

/**
 * A limit as it stands at `now`; undefined once it is over. After the clock was set back it has never
 * more left than it had when it began.
 */
export function settledLimit(limit: Limit, now: number): Limit | undefined {
  if (limit.until <= now) return undefined;
  if (limit.since <= now) return limit;
  return { ...limit, since: now, until: limit.until - (limit.since - now) };
}
