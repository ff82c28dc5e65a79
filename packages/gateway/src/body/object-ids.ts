import type { ReadMember } from './conversation.ts';
import type { MemberReader } from './member-reader.ts';
import { NestedTextReader } from './nested-text-reader.ts';

/** More objects than one request would name. */
const MAX_IDS = 64;

/** Members that name a file of the account, at any depth (OpenRouter SDK: `ChatContentFile`, `InputFile`, tools). */
const FILE_MEMBERS = ['file_id', 'file_ids', 'fileId', 'fileIds', 'input_file_id'];
const CONTAINER_MEMBERS = ['container_id', 'containerId', 'container'];
/** Members of a body below which they may stand. */
const PLACES = ['messages', 'input', 'tools', 'system', 'plugins', 'container', 'files'] as const;
const OWN = ['file_id', 'file_ids', 'input_file_id', 'container_id'] as const;

/** The objects of an account that a body names. `unclear`: more than are read, or nested too deeply. */
export type NamedObjects = { kind: 'unclear' } | { kind: 'named'; ids: readonly string[] };

/** What reads the members of a body that may name files or containers. */
export function objectIdReaders(): Record<string, MemberReader> {
  const names = [...FILE_MEMBERS, ...CONTAINER_MEMBERS];
  return Object.fromEntries(
    [...PLACES, ...OWN].map((name) => [name, new NestedTextReader(name, names, MAX_IDS)]),
  );
}

/** The files and containers that a request's body names: their account must serve it. */
export function objectsInBody(member: ReadMember): NamedObjects {
  const ids = new Set<string>();
  for (const place of [...PLACES, ...OWN]) {
    const found = member(place);
    if (found === undefined) continue;
    if (!Array.isArray(found)) return { kind: 'unclear' };
    for (const id of found as unknown[]) if (typeof id === 'string') ids.add(id);
  }
  return ids.size > MAX_IDS ? { kind: 'unclear' } : { kind: 'named', ids: [...ids] };
}
