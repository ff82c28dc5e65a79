/** The forms of a list: OpenRouter's own, and those of two providers (query parameter `provider`). */
export type ListShape = 'openrouter' | 'openai' | 'anthropic';

/** Which part of a client's objects is asked for. */
export interface ListQuery {
  shape: ListShape;
  limit: number;
  order: 'desc' | 'asc';
  /** Ids of the objects behind which, and before which, the page lies. */
  after: string | null;
  before: string | null;
}

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;

/** Reads the query of a list; a text says what is wrong with it. */
export function readListQuery(query: URLSearchParams): ListQuery | string {
  const provider = query.get('provider') ?? 'openrouter';
  const shape = (['openrouter', 'openai', 'anthropic'] as const).find((name) => name === provider);
  if (shape === undefined) return 'provider must be openrouter, openai or anthropic';
  const order = query.get('order') ?? 'desc';
  if (order !== 'desc' && order !== 'asc') return 'order must be asc or desc';
  const limit = Number(query.get('limit') ?? DEFAULT_LIMIT);
  if (!Number.isInteger(limit) || limit < 1) return 'limit must be a whole number from 1';
  const after = query.get('after') ?? query.get('after_id') ?? query.get('cursor');
  return { shape, limit: Math.min(limit, MAX_LIMIT), order, after, before: query.get('before_id') };
}

/** An object that the gateway remembers. */
export interface ListedObject {
  id: string;
  account: string;
}

/** A page of a list over all accounts. */
export interface ObjectPage<Item extends ListedObject> {
  objects: readonly Item[];
  hasMore: boolean;
}

/**
 * The page that is asked for, of a client's objects over all accounts, the latest first. An id that is not
 * among them gives null: the list cannot go on from there.
 */
export function pageOf<Item extends ListedObject>(
  objects: readonly Item[],
  { limit, order, after, before }: ListQuery,
): ObjectPage<Item> | null {
  const ordered = order === 'desc' ? objects : objects.toReversed();
  const start = after === null ? 0 : ordered.findIndex(({ id }) => id === after) + 1;
  const end = before === null ? ordered.length : ordered.findIndex(({ id }) => id === before);
  if ((after !== null && start === 0) || end === -1) return null;
  const rest = ordered.slice(start, Math.max(start, end));
  // A page before an id is the one that ends there.
  const isBefore = before !== null && after === null;
  const page = isBefore ? rest.slice(-limit) : rest.slice(0, limit);
  return { objects: page, hasMore: rest.length > page.length };
}

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The objects that an account's own list holds, by id. */
export function itemsOf(document: unknown): ReadonlyMap<string, Json> {
  const data = isObject(document) ? document['data'] : undefined;
  const items = Array.isArray(data) ? data.filter(isObject) : [];
  return new Map(
    items.flatMap((item) => (typeof item['id'] === 'string' ? [[item['id'], item]] : [])),
  );
}

/**
 * The list as the client gets it: the objects of the page in their order, whichever account they are of.
 * An object that its account does not know any more is left out; the page stays where it is.
 */
export function listDocument(
  { objects, hasMore }: ObjectPage<ListedObject>,
  items: ReadonlyMap<string, Json>,
  { kind, shape }: { kind: 'file' | 'batch'; shape: ListShape },
): Json {
  const data = objects.flatMap(({ id }) => items.get(id) ?? []);
  const last = objects.at(-1)?.id ?? null;
  const isOpenAi = kind === 'batch' || shape === 'openai';
  return {
    ...(kind === 'file' ? { _shape: shape } : {}),
    ...(isOpenAi ? { object: 'list' } : {}),
    data,
    has_more: hasMore,
    first_id: objects[0]?.id ?? null,
    last_id: last,
    ...(kind === 'file' && shape === 'openrouter' ? { cursor: hasMore ? last : null } : {}),
  };
}
