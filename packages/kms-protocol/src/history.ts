import * as z from 'zod';
import { instant } from './instant.ts';
import { keyId, keyState, limitView } from './key-view.ts';

const count = z.int().nonnegative();

/** What was asked and answered in one step of time. */
export const trafficPoint = z.strictObject({
  /** When the step began. */
  at: instant,
  /** Requests that ended in it: answered, refused (4xx), failed (5xx, or broken off), given up by clients. */
  answered: count,
  refused: count,
  failed: count,
  aborted: count,
  /** Of those refused: the access key was missing or wrong. */
  unauthorized: count,
  /** Tokens. */
  sent: count,
  received: count,
  /** Until the first content, in milliseconds, of the last minute at least; null: there was none. */
  firstContentP50Ms: z.number().nullable(),
  firstContentP95Ms: z.number().nullable(),
});
export type TrafficPoint = z.infer<typeof trafficPoint>;

/** A time in which a key stood as it did. */
export const keySpan = z.strictObject({
  /** `limited`: it serves, though not every model. */
  kind: z.enum([
    ...(['serving', 'returning', 'limited', 'cooling', 'disabled'] as const),
    /** OpenRouter refused it, or could not be reached. */
    ...(['refused', 'unreachable'] as const),
  ]),
  from: instant,
  /** Null: it goes on. */
  to: instant.nullable(),
  why: z.string().max(400),
});
export type KeySpan = z.infer<typeof keySpan>;

/** How one key stood over the last hours, the oldest first. */
export const keyLane = z.strictObject({ keyId, spans: z.array(keySpan).max(200) });
export type KeyLane = z.infer<typeof keyLane>;

const eventHead = { id: count, at: instant };

/** Something that has changed in the pool. */
export const poolEvent = z.discriminatedUnion('kind', [
  z.strictObject({
    ...eventHead,
    kind: z.literal('key'),
    keyId,
    keyName: z.string(),
    state: keyState,
  }),
  z.strictObject({ ...eventHead, kind: z.literal('limit'), limit: limitView }),
  z.strictObject({
    ...eventHead,
    kind: z.literal('lifted'),
    scope: limitView.shape.scope,
    model: z.string().nullable(),
  }),
]);
export type PoolEvent = z.infer<typeof poolEvent>;
