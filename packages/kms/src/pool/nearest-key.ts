/** Fewer places than this in common is chance, not a slip of the pen. */
const FEWEST_IN_COMMON = 8;

/** The key id that looks most like `asked`; null if none does. */
export function nearestKeyId(asked: string, ids: Iterable<string>): string | null {
  let [nearest, most]: [string | null, number] = [null, FEWEST_IN_COMMON - 1];
  for (const id of ids) {
    const inCommon = placesInCommon(asked, id);
    if (inCommon > most) [nearest, most] = [id, inCommon];
  }
  return nearest;
}

function placesInCommon(a: string, b: string): number {
  let count = 0;
  for (let place = 0; place < a.length; place += 1) if (a[place] === b[place]) count += 1;
  return count;
}
