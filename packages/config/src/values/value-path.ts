/** The path to a value in the file: names in mappings, positions in lists. */
export type Path = readonly PropertyKey[];

/** The value at a path; undefined if it does not exist. */
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
