import { z } from 'zod';

/** Milliseconds since the Unix epoch. */
export const instant = z.int().nonnegative();

/** A key's public name: a short fingerprint of the secret, stable across restarts. */
export const keyId = z.string().regex(/^[0-9a-f]{12}$/, 'must be a key id: 12 hexadecimal digits');

/** Why a key is set aside, and how that is known. */
export const cause = z.strictObject({
  /** What happened: an outcome's name, or `operator`. */
  reason: z.string().max(64),
  /** What the end of the cooldown was read from. */
  source: z.enum(['header', 'body', 'default', 'operator', 'strike']),
  /** The upstream's words, or the operator's. */
  detail: z.string().max(300),
});
export type Cause = z.infer<typeof cause>;

/** The state of a key. Cooling ends by itself at `until`; disabled ends by an operator's word only. */
export const keyState = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('available'), since: instant }),
  z.strictObject({ kind: z.literal('cooling'), since: instant, until: instant, cause }),
  z.strictObject({ kind: z.literal('disabled'), since: instant, cause }),
]);
export type KeyState = z.infer<typeof keyState>;

/** What may be told of a key: everything but its secret. */
export const keyView = z.strictObject({
  keyId,
  name: z.string(),
  state: keyState,
  inFlight: z.int().nonnegative(),
  /** The most leases it may have at once; null: no limit. */
  maxConcurrency: z.int().positive().nullable(),
});
export type KeyView = z.infer<typeof keyView>;
