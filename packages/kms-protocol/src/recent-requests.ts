import * as z from 'zod';
import { instant } from './instant.ts';
import { client, model, requestId, requestOutcome, requestView } from './ledger.ts';

/** The most requests in one page. */
export const MAX_RECENT = 100;

/** Which requests are meant. A filter that is left out lets every request through. */
const requestFilter = z.strictObject({
  /** The beginning of its id, or OpenRouter's name for its generation. */
  id: requestId.optional(),
  outcomes: z.array(requestOutcome).min(1).optional(),
  /** The client's name; empty: a client without a name. */
  client: client.optional(),
  /** The id or the name of a key that was tried. */
  key: z.string().max(300).optional(),
  /** The model's whole name, or its name without the author. */
  model: model.optional(),
  /** Requests that began at this instant or later. */
  since: instant.optional(),
});
export type RequestFilter = z.infer<typeof requestFilter>;

export const requestQuery = requestFilter.extend({
  limit: z.int().positive().max(MAX_RECENT),
  /** The `next` of the page before. */
  before: z.int().nonnegative().optional(),
});

/** Remembered requests, the latest first. A page may have fewer than its limit. */
export const requestPage = z.strictObject({
  requests: z.array(requestView).max(MAX_RECENT),
  /** Names the next page; null: there is none. */
  next: z.int().nonnegative().nullable(),
});
