/**
 * The Damerau-Levenshtein distance: the number of letters to add, remove, replace or swap with a neighbour
 * to turn `a` into `b`. A swap counts as one, so that `prot` is close to `port`.
 */
export function editDistance(a: string, b: string): number {
  const most = a.length + b.length;
  // Row and column 0 are a border that costs more than any path; row and column 1 stand for empty prefixes.
  const rows = Array.from({ length: a.length + 2 }, () =>
    new Array<number>(b.length + 2).fill(most),
  );
  const at = (i: number, j: number) => rows[i]?.[j] ?? most;
  const set = (i: number, j: number, distance: number) => rows[i]?.splice(j, 1, distance);
  for (let i = 0; i <= a.length; i += 1) set(i + 1, 1, i);
  for (let j = 0; j <= b.length; j += 1) set(1, j + 1, j);
  const lastRowOf = new Map<string, number>();
  for (let i = 1; i <= a.length; i += 1) {
    let lastMatch = 0;
    for (let j = 1; j <= b.length; j += 1) {
      const [row, column] = [lastRowOf.get(b[j - 1] ?? '') ?? 0, lastMatch];
      const isSame = a[i - 1] === b[j - 1];
      const swapped = at(row, column) + (i - row - 1) + 1 + (j - column - 1);
      const replaced = at(i, j) + (isSame ? 0 : 1);
      set(i + 1, j + 1, Math.min(swapped, replaced, at(i, j + 1) + 1, at(i + 1, j) + 1));
      if (isSame) lastMatch = j;
    }
    lastRowOf.set(a[i - 1] ?? '', i);
  }
  return at(a.length + 1, b.length + 1);
}

/** The candidate closest to `name`; undefined if none differs in at most a third of the letters. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(name.length / 3));
  let best: { candidate: string; distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance <= limit && distance < (best?.distance ?? Infinity))
      best = { candidate, distance };
  }
  return best?.candidate;
}
