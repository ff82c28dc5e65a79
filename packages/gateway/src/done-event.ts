/** What OpenRouter ends its `/messages` streams with, after Anthropic's own last event. */
const DONE_EVENT = Buffer.from('event: data\ndata: [DONE]\n\n');

const NOTHING = Buffer.alloc(0);

/** Takes a stream's bytes in and gives out those that may pass on. */
export interface ByteFilter {
  push(chunk: Buffer): Buffer;
  /** What was held back and turned out to belong to the stream. */
  rest(): Buffer;
}

/** How many bytes at the end of `bytes` could be the beginning of the event. */
function begunAtEnd(bytes: Buffer): number {
  for (let length = Math.min(DONE_EVENT.length - 1, bytes.length); length > 0; length -= 1) {
    if (bytes.subarray(-length).equals(DONE_EVENT.subarray(0, length))) return length;
  }
  return 0;
}

/**
 * Creates a filter that drops OpenRouter's `[DONE]` event from a stream of Anthropic's API, which has
 * no such event: Anthropic's SDK takes its data for JSON and fails. The bytes of the event cannot
 * stand within another, since JSON has no raw line breaks. At most the beginning of one is held back.
 */
export function withoutDoneEvent(): ByteFilter {
  let held: Buffer = NOTHING;
  return {
    push(chunk) {
      const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      const at = bytes.indexOf(DONE_EVENT);
      const passed =
        at === -1
          ? bytes
          : Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + DONE_EVENT.length)]);
      const begun = begunAtEnd(passed);
      held = passed.subarray(passed.length - begun);
      return passed.subarray(0, passed.length - begun);
    },
    rest: () => held,
  };
}

/** A filter that lets everything pass. */
export const passAll: ByteFilter = { push: (chunk) => chunk, rest: () => NOTHING };
