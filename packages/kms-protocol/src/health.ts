import * as z from 'zod';
import { instant } from './instant.ts';

const head = { since: instant };
/** The words of the other side, or of the operating system; empty: there were none. */
const detail = z.string().max(400);
const count = z.int().nonnegative();
/** The status of the answer; null: there was no answer. */
const status = z.int().nullable();
const failing = { ...head, failed: count, total: count, windowMs: z.int().positive() };
const refused = { ...head, refused: count, keys: count, status: z.int(), detail };

/** Everything that can be wrong: what it is, since when, and what is known about it. */
export const healthCause = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('key_service_away'), ...head }),
  z.strictObject({ kind: z.literal('shutting_down'), ...head }),
  z.strictObject({ kind: z.literal('no_keys'), ...head }),
  z.strictObject({ kind: z.literal('unchecked'), ...head }),
  z.strictObject({ kind: z.literal('dns_failed'), ...head, detail }),
  z.strictObject({ kind: z.literal('certificate_untrusted'), ...head, detail }),
  z.strictObject({ kind: z.literal('certificate_dates'), ...head, detail }),
  z.strictObject({ kind: z.literal('connection_failed'), ...head, detail }),
  z.strictObject({ kind: z.literal('upstream_failing'), ...head, status, detail }),
  z.strictObject({ kind: z.literal('upstream_blocked'), ...head, detail }),
  z.strictObject({ kind: z.literal('clock_wrong'), ...head, offsetMs: z.int() }),
  z.strictObject({ kind: z.literal('all_keys_refused'), ...refused }),
  z.strictObject({
    kind: z.literal('some_keys_refused'),
    ...refused,
    /** Of the first of them. */
    names: z.array(z.string()).max(5),
  }),
  z.strictObject({ kind: z.literal('all_keys_management'), ...head, keys: count }),
  z.strictObject({
    kind: z.literal('management_keys'),
    ...head,
    managing: count,
    keys: count,
    /** Of the first of them. */
    names: z.array(z.string()).max(5),
  }),
  z.strictObject({ kind: z.literal('all_keys_limited'), ...head, keys: count, until: instant }),
  z.strictObject({
    kind: z.literal('models_limited'),
    ...head,
    models: z.enum(['free', 'paid']),
    until: instant,
  }),
  z.strictObject({ kind: z.literal('all_keys_disabled'), ...head, keys: count }),
  z.strictObject({ kind: z.literal('store_away'), ...head, detail }),
  z.strictObject({ kind: z.literal('store_unwritable'), ...head, detail }),
  z.strictObject({ kind: z.literal('requests_failing'), ...failing }),
  z.strictObject({ kind: z.literal('some_requests_failing'), ...failing }),
  z.strictObject({
    kind: z.literal('clients_refused'),
    ...head,
    refused: count,
    /** Of these: the access key was missing or wrong. */
    unauthorized: count,
    total: count,
    windowMs: z.int().positive(),
  }),
]);
export type HealthCause = z.infer<typeof healthCause>;
export type HealthCauseKind = HealthCause['kind'];

/** `critical`: clients are not served, and `/health` answers 503. `warning`: most are served. */
export const healthLevel = z.enum(['ok', 'warning', 'critical']);
export type HealthLevel = z.infer<typeof healthLevel>;

/** How the service is: the worst level, and every cause. */
export const health = z.strictObject({
  level: healthLevel,
  causes: z.array(healthCause).max(32),
  /** When OpenRouter answered last; null: not since the key service was started. */
  lastAnswerAt: instant.nullable(),
});
export type Health = z.infer<typeof health>;
