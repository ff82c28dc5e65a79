/** Bytes of a file, from `start` to before `end`. */
export interface FilePart {
  path: string;
  start: number;
  end: number;
}

/** A file of an account. */
export interface StoredFile {
  id: string;
  name: string;
  type: string;
  /** What OpenAI's API asks for with an upload. */
  purpose: string;
  bytes: FilePart;
  sha256: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
}

/** A file that a tool of OpenRouter's made in a container. */
export interface ContainerFile {
  id: string;
  containerId: string;
  name: string;
  content: Buffer;
  createdAt: number;
}

/** The forms of three providers, chosen by the query parameter `provider`. */
export type FileShape = 'openrouter' | 'openai' | 'anthropic';

export function shapeOf(provider: string | null): FileShape {
  return provider === 'openai' || provider === 'anthropic' ? provider : 'openrouter';
}

const sizeOf = ({ bytes }: StoredFile) => bytes.end - bytes.start;

/** A file as OpenRouter describes it. */
export function fileDocument(file: StoredFile, shape: FileShape): object {
  const { id, name, type, purpose, createdAt } = file;
  if (shape === 'openai') {
    return {
      ...{ _shape: shape, object: 'file', id, filename: name, purpose, status: 'processed' },
      ...{ bytes: sizeOf(file), created_at: Math.floor(createdAt / 1000) },
    };
  }
  return {
    ...{ _shape: shape, type: 'file', id, filename: name, mime_type: type, downloadable: true },
    ...{ size_bytes: sizeOf(file), created_at: new Date(createdAt).toISOString() },
  };
}

/** What is left of a file that is deleted. */
export function deletedDocument(id: string, shape: FileShape): object {
  return shape === 'openai'
    ? { _shape: shape, id, object: 'file', deleted: true }
    : { _shape: shape, id, type: 'file_deleted' };
}

/** How a list is paged. */
interface Paging {
  query: URLSearchParams;
  defaultLimit: number;
}

/** One page of items, the oldest first as they are given: `limit`, `order`, `after`, `after_id`, `before_id`, `cursor`. */
export function pageOf<Item extends { id: string }>(
  items: readonly Item[],
  { query, defaultLimit }: Paging,
): { page: Item[]; hasMore: boolean } {
  const ordered = query.get('order') === 'asc' ? [...items] : items.toReversed();
  const after = query.get('after') ?? query.get('after_id') ?? query.get('cursor');
  const before = query.get('before_id');
  const start = after === null ? 0 : ordered.findIndex(({ id }) => id === after) + 1;
  const end = before === null ? ordered.length : ordered.findIndex(({ id }) => id === before);
  const limit = Math.min(1000, Number(query.get('limit') ?? defaultLimit));
  const rest = ordered.slice(start, end === -1 ? ordered.length : end);
  return { page: rest.slice(0, limit), hasMore: rest.length > limit };
}

/** A list of documents in the form of a provider. */
export function listDocument(
  { page, hasMore }: { page: { id: string }[]; hasMore: boolean },
  documents: readonly object[],
  shape: FileShape,
): object {
  const last = page.at(-1)?.id ?? null;
  return {
    _shape: shape,
    ...{ data: documents, has_more: hasMore, first_id: page[0]?.id ?? null, last_id: last },
    ...(shape === 'openai' ? { object: 'list' } : {}),
    ...(shape === 'openrouter' ? { cursor: hasMore ? last : null } : {}),
  };
}
