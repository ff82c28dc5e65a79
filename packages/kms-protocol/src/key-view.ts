import * as z from 'zod';
import { healthCause } from './health.ts';
import { instant } from './instant.ts';
import { usageTotals } from './usage.ts';

/** A key's public name: a short fingerprint of the secret, stable across restarts. */
export const keyId = z.string().regex(/^[0-9a-f]{12}$/, 'must be a key id: 12 hexadecimal digits');

/** Why something is set aside, and how that is known. */
export const cause = z.strictObject({
  /** What happened: an outcome's name, `operator`, or `expired`. */
  reason: z.string().max(64),
  /**
   * What the end was read from: the upstream's header or body, what `GET /key` told (`inspection`),
   * the end of the key's or the account's own limit period (`window`), an operator's word; or it is a
   * guess: the configured default, a growing back-off, a first strike.
   */
  source: z.enum([
    'header',
    'body',
    'inspection',
    'window',
    'operator',
    'default',
    'back-off',
    'strike',
  ]),
  /** The upstream's words, or the operator's. */
  detail: z.string().max(300),
});
export type Cause = z.infer<typeof cause>;

/**
 * The state of a key. Cooling ends by itself at `until`; what returns from a cooldown whose end was
 * a guess may have no more than `allowance` unproven requests at once, which doubles with each that
 * OpenRouter takes; disabled ends by an operator's word, or by `GET /key` accepting the key again.
 */
export const keyState = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('available'), since: instant }),
  z.strictObject({
    kind: z.literal('returning'),
    since: instant,
    allowance: z.int().positive(),
    cause,
  }),
  z.strictObject({ kind: z.literal('cooling'), since: instant, until: instant, cause }),
  z.strictObject({ kind: z.literal('disabled'), since: instant, cause }),
]);
export type KeyState = z.infer<typeof keyState>;

/** What a limit is about. */
const scope = z.enum(['account', 'account-model', 'key-model', 'model', 'upstream']);
export type Scope = z.infer<typeof scope>;

/** Which models a limit of an account shuts out: `:free` ones, all others, or every one. */
export const modelPool = z.enum(['free', 'paid', 'all']);
export type ModelPool = z.infer<typeof modelPool>;

/** The circuit breaker behind a limit, and the failures that it opened for. */
const circuitView = z.strictObject({
  /** `half-open`: the limit is over, and a request finds out whether others can be served. */
  state: z.enum(['open', 'half-open']),
  requests: z.int().nonnegative(),
  clients: z.int().nonnegative(),
});

/** A limit in force that is not the key's own. */
export const limitView = z.strictObject({
  scope,
  pool: modelPool,
  /** Null: the limit is not about one model. */
  model: z.string().nullable(),
  since: instant,
  until: instant,
  cause,
  /** Left out: the limit is no circuit breaker's. */
  circuit: circuitView.optional(),
});
export type LimitView = z.infer<typeof limitView>;

/** Requests to `:free` models in the current minute or UTC day, refused ones included. */
const requestWindow = z.strictObject({
  used: z.int().nonnegative(),
  /** Null: not known yet. */
  limit: z.int().nonnegative().nullable(),
  resetsAt: instant,
});
export type RequestWindow = z.infer<typeof requestWindow>;

/** What OpenRouter said last of a key, by `GET /key` or by a request under it. */
export const keyCheck = z.strictObject({
  /** `unanswered`: OpenRouter did not answer, or not as it should. */
  verdict: z.enum(['accepted', 'refused', 'unanswered']),
  /** When this verdict was first heard since another one. */
  since: instant,
  /** When it was heard last. */
  at: instant,
  /** Of the answer; null: there was none. */
  status: z.int().nullable(),
  /** The other side's words, or the operating system's. */
  detail: z.string().max(300),
});
export type KeyCheck = z.infer<typeof keyCheck>;

/** What may be told of a key: everything but its secret. */
export const keyView = z.strictObject({
  keyId,
  name: z.string(),
  state: keyState,
  /** Since when it serves, is limited, cools, …: `limits` make another status of an available key. */
  statusSince: instant,
  /** Null: OpenRouter has not been asked about it since the key service was started. */
  check: keyCheck.nullable(),
  /** What keeps every key from OpenRouter alike; null: nothing that is known. */
  upstream: healthCause.nullable(),
  inFlight: z.int().nonnegative(),
  /** The most leases it may have at once; null: no limit. */
  maxConcurrency: z.int().positive().nullable(),
  /** The account it belongs to: keys with the same account share its limits. */
  account: z.string(),
  /** The account's use of `:free` models. */
  freeRequests: z.strictObject({ minute: requestWindow, day: requestWindow }),
  /** What `GET /key` said last: credits left under the key's own cap; null: no cap, or not known. */
  limitRemaining: z.number().nullable(),
  /** When the key ends; null: never, or not known. */
  expiresAt: instant.nullable(),
  /** What it did on this UTC day. */
  today: usageTotals,
  /** Credits that OpenRouter charged to it today and that nobody spent here; null: none, as far as can be told. */
  unexplainedCost: z.number().positive().nullable(),
  /** Limits of its account, and of models on it. */
  limits: z.array(limitView).max(32),
});
export type KeyView = z.infer<typeof keyView>;
