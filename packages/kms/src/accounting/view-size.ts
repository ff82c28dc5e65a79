/** So much of JSON leaves room in a line of 1 MiB for what stands around it. */
const MAX_VIEW_BYTES = 900_000;

/** Whether something fits in a line of the protocol, or in `maxBytes` of JSON. */
function fits(view: unknown, maxBytes = MAX_VIEW_BYTES): boolean {
  const text = JSON.stringify(view);
  return text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes;
}

/** The fullest view that fits: `view` is made with half as many details until it does, at last with none. */
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
