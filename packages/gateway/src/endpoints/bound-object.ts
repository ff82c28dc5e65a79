import type { ObjectKind } from './endpoint.ts';
import type { Route } from './match-endpoint.ts';

/** The object that decides on the account. `missing`: the request names none, or not exactly one. */
export type BoundObject =
  | { kind: 'none' }
  | { kind: 'missing'; object: ObjectKind }
  | { kind: 'object'; object: ObjectKind; id: string; access: 'read' | 'write' };

/** Ids have no characters that a server could read as something else. */
const ID = /^[\w.:@-]{1,200}$/;
/** `.` and `..` are folders. */
const DOTS = /^\.+$/;

/** Values of a query parameter in every spelling that a server could take for it: `ID`, `id[]`. */
function valuesOf(query: URLSearchParams, name: string): string[] {
  const bare = (key: string) => key.toLowerCase().replace(/\[.*$/, '').trim();
  return [...query].filter(([key]) => bare(key) === name).map(([, value]) => value);
}

/**
 * The object that a request is about. One that names several ids, or an odd one, names none: the owner of the
 * first would vouch for the last.
 */
export function boundObject(
  { endpoint, parameters }: Route,
  query: URLSearchParams,
  member: (name: string) => unknown,
): BoundObject {
  const { binds } = endpoint;
  if (binds === null) return { kind: 'none' };
  const { object, name, access } = binds;
  const candidates: Readonly<Record<typeof binds.in, () => unknown[]>> = {
    path: () => [parameters[name]],
    query: () => valuesOf(query, name),
    body: () => [member(name)],
  };
  const [id, ...others] = candidates[binds.in]();
  const isOne = typeof id === 'string' && others.length === 0 && ID.test(id) && !DOTS.test(id);
  return isOne ? { kind: 'object', object, id, access } : { kind: 'missing', object };
}
