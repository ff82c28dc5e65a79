import type { IncomingHttpHeaders } from 'node:http';
import type { Endpoint, ObjectKind } from './endpoint.ts';

/** An object that belongs to the client that made it from here on. */
export interface MadeObject {
  kind: ObjectKind;
  id: string;
}

type Json = Readonly<Record<string, unknown>>;

/** Ids of OpenRouter's objects; anything else in their place is not remembered. */
const ID = /^[\w.:@-]{1,200}$/;

const idOf = (value: unknown) => (typeof value === 'string' && ID.test(value) ? value : null);

/** Members of a job that name what came of it. */
const RESULTS: Readonly<Record<string, ObjectKind>> = {
  generation_id: 'generation',
  output_file_id: 'file',
  error_file_id: 'file',
};

function resultsIn(document: Json): MadeObject[] {
  return Object.entries(RESULTS).flatMap(([name, kind]) => {
    const id = idOf(document[name]);
    return id === null ? [] : [{ kind, id }];
  });
}

/** A generation by its header, else by the answer's own id, which text APIs give it. */
function generationOf(
  { creates }: Pick<Endpoint, 'creates'>,
  headers: IncomingHttpHeaders,
  document: Json | null,
): MadeObject[] {
  const own = creates === 'generation' ? idOf(document?.['id']) : null;
  const id = idOf(headers['x-generation-id']) ?? own;
  return id?.startsWith('gen-') === true ? [{ kind: 'generation', id }] : [];
}

/** The job, file or batch itself. */
function objectOf({ creates }: Pick<Endpoint, 'creates'>, document: Json | null): MadeObject[] {
  const id = idOf(document?.['id']);
  const isKept = creates !== null && creates !== 'generation' && id !== null;
  return isKept ? [{ kind: creates, id }] : [];
}

const JOBS: ReadonlySet<ObjectKind | undefined | null> = new Set(['video', 'batch']);

/**
 * The objects that a successful answer brings into being, to be remembered with the account of its lease and its
 * client before the client has the answer. `document`: the parsed answer where it is JSON, else null.
 */
export function madeObjects(
  endpoint: Pick<Endpoint, 'creates' | 'binds'>,
  headers: IncomingHttpHeaders,
  document: Json | null,
): readonly MadeObject[] {
  const isJob = JOBS.has(endpoint.creates) || JOBS.has(endpoint.binds?.object);
  const made = [
    ...objectOf(endpoint, document),
    ...(isJob && document !== null ? resultsIn(document) : []),
    ...generationOf(endpoint, headers, document),
  ];
  const seen = new Map(made.map((object) => [`${object.kind} ${object.id}`, object]));
  return [...seen.values()];
}
