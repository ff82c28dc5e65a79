/** Leaves room in a line of 1 MiB for the rest of the message. */
const MAX_VIEW_BYTES = 900_000;

/** Whether a view fits in a line of the protocol, or in `maxBytes` of JSON. */
function fits(view: unknown, maxBytes = MAX_VIEW_BYTES): boolean {
  const text = JSON.stringify(view);
  return text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes;
}

/**
 * The largest view that fits. `view` is called with half as many details until it fits, at last
 * with none.
 */
export function fitting<T>(
  mostDetails: number,
  view: (details: number) => T,
  maxBytes = MAX_VIEW_BYTES,
): T {
  for (let details = mostDetails; ; details = Math.floor(details / 2)) {
    const made = view(details);
    if (details === 0 || fits(made, maxBytes)) return made;
  }
}
