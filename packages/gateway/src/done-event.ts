/** What OpenRouter ends its `/messages` streams with, after Anthropic's own last event. */
const DONE_EVENT = Buffer.from('event: data\ndata: [DONE]\n\n');

/**
 * Whole events without OpenRouter's `[DONE]`: Anthropic's API has no such event, and its SDK takes the
 * data for JSON and fails. The bytes cannot stand within another event, since JSON has no raw line breaks.
 */
export function withoutDoneEvent(events: Buffer): Buffer {
  const at = events.indexOf(DONE_EVENT);
  if (at === -1) return events;
  return Buffer.concat([events.subarray(0, at), events.subarray(at + DONE_EVENT.length)]);
}
