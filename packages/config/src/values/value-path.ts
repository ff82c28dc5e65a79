/** The way to a value in the file: names of mappings, positions in lists. */
export type Path = readonly PropertyKey[];

/** The value at the end of a path; undefined if the way breaks off before. */
export function valueAt(value: unknown, ...path: Path): unknown {
  let inner = value;
  for (const segment of path) {
    if (typeof inner !== 'object' || inner === null || !Object.hasOwn(inner, segment)) {
      return undefined;
    }
    inner = Reflect.get(inner, segment);
  }
  return inner;
}

/** A path of known names as people write it: `openrouter.keys[2].name`. */
export const dotted = (path: Path): string =>
  path
    .map((segment) => (typeof segment === 'number' ? `[${segment}]` : `.${String(segment)}`))
    .join('')
    .replace(/^\./, '');
