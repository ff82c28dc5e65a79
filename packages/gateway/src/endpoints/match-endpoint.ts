import type { Endpoint } from './endpoint.ts';
import { ENDPOINTS, UNKNOWN_ENDPOINT } from './endpoint-table.ts';

/** The endpoint of a request, and the parameters of its path. */
export interface Route {
  readonly endpoint: Endpoint;
  readonly parameters: Readonly<Record<string, string>>;
}

/** The endpoint that a request is for; `ambiguous`: a later hop could read the path as another one. */
export type EndpointMatch = ({ kind: 'endpoint' } & Route) | { kind: 'ambiguous'; problem: string };

/** The rows that begin with the same segments. */
class Node {
  readonly literals = new Map<string, Node>();
  parameter: Node | null = null;
  /** By method: rows that end here, and those that go on with any segments. */
  readonly ends = new Map<string, Endpoint>();
  readonly subtrees = new Map<string, Endpoint>();

  child(segment: string): Node {
    if (segment.startsWith('{')) return (this.parameter ??= new Node());
    const child = this.literals.get(segment) ?? new Node();
    this.literals.set(segment, child);
    return child;
  }
}

function add(root: Node, endpoint: Endpoint): void {
  const segments = endpoint.pattern.slice(1).split('/');
  const isSubtree = segments.at(-1) === '*';
  if (isSubtree) segments.pop();
  const node = segments.reduce((parent, segment) => parent.child(segment), root);
  const rows = isSubtree ? node.subtrees : node.ends;
  if (rows.has(endpoint.method)) {
    throw new Error(`two rows for ${endpoint.method} ${endpoint.pattern}`);
  }
  rows.set(endpoint.method, endpoint);
}

const ROOT = new Node();
for (const endpoint of ENDPOINTS) add(ROOT, endpoint);

const rowOf = (rows: ReadonlyMap<string, Endpoint>, method: string) =>
  rows.get(method) ?? rows.get('*');

/** The most specific row: a literal before a parameter, a parameter before a subtree. */
function find(node: Node, method: string, words: readonly string[]): Endpoint | undefined {
  const [word, ...rest] = words;
  const subtree = rowOf(node.subtrees, method);
  if (word === undefined) return rowOf(node.ends, method) ?? subtree;
  const literal = node.literals.get(word);
  const found = literal && find(literal, method, rest);
  return found ?? (node.parameter && find(node.parameter, method, rest)) ?? subtree;
}

const NOT_VISIBLE_ASCII = /[^\x21-\x7e]/;
/** `%25` may be decoded twice on the way, a semicolon may end a segment, a control character may end the path. */
const MISLEADING = /[\\;?#]|%(?![0-9a-f]{2})|%(?:25|3b|5c|[01][0-9a-f]|7f)/i;
/** Roots of the API that lie outside `/api/v1`. */
const OTHER_ROOTS: ReadonlySet<string> = new Set(['alpha', 'beta']);
const MAX_SEGMENTS = 32;

/** The segments of a path, decoded; null: they are not UTF-8. */
function decoded(path: string): string[] | null {
  try {
    return path.split('/').map(decodeURIComponent);
  } catch {
    return null;
  }
}

/** How a segment compares with one of the table: upstream routers may ignore case, width, and dots or spaces at the end. */
const comparable = (segment: string) => {
  const text = segment.normalize('NFKC').toLowerCase();
  return text.replace(/[.\s]+$/, '');
};

function problemOf(segments: readonly string[]): string | null {
  const parts = segments.flatMap((segment) => segment.split('/'));
  if (parts.some((part) => part === '')) return 'the path has an empty segment';
  if (parts.some((part) => /^[.\s]+$/.test(part))) return 'the path has a dot segment';
  if (segments.length > MAX_SEGMENTS) return `the path has more than ${MAX_SEGMENTS} segments`;
  const [first = '', second = ''] = parts.map(comparable);
  const isPrefixTwice = first === 'v1' || (first === 'api' && !OTHER_ROOTS.has(second));
  return isPrefixTwice ? 'the path has the prefix of the API twice' : null;
}

const ambiguous = (problem: string): EndpointMatch => ({ kind: 'ambiguous', problem });

/** Cursor's copies of the API differ from it by a prefix only. */
function withoutCursor(words: readonly string[]): number {
  const first = words.findIndex((word) => word !== 'cursor');
  return Math.max(first, 0);
}

/** OpenAI's SDK encodes the slash of a model's id. Anywhere else it could make one path look like another. */
const MODEL_BY_ID = '/models/{id}';

/**
 * Finds the endpoint of a request. `path` is what follows `/api/v1`, as it stands on the request line, without
 * its query; a path of another root begins with `/api/`. Rows compare without regard to case and encoding, and
 * one slash at the end changes nothing, so that no spelling leads around the rules of an endpoint.
 */
export function matchEndpoint(method: string, path: string): EndpointMatch {
  if (NOT_VISIBLE_ASCII.test(path) || MISLEADING.test(path)) {
    return ambiguous('the path has characters that a server could read in two ways');
  }
  const plain = path.endsWith('/') ? path.slice(1, -1) : path.slice(1);
  const all = decoded(plain);
  if (all === null) return ambiguous('the path is not UTF-8');
  const problem = problemOf(all);
  if (problem !== null) return ambiguous(problem);
  const start = withoutCursor(all.map(comparable));
  const segments = all.slice(start);
  const verb = method.toUpperCase() === 'HEAD' ? 'GET' : method.toUpperCase();
  const endpoint = find(ROOT, verb, segments.map(comparable)) ?? UNKNOWN_ENDPOINT;
  const hasEncodedSlash = segments.some((segment) => segment.includes('/'));
  if (hasEncodedSlash && endpoint.pattern !== MODEL_BY_ID) {
    return ambiguous('the path has an encoded slash');
  }
  return { kind: 'endpoint', endpoint, parameters: parametersOf(endpoint, segments) };
}

function parametersOf(
  { pattern }: Endpoint,
  segments: readonly string[],
): Readonly<Record<string, string>> {
  if (!pattern.includes('{')) return {};
  const named = pattern
    .slice(1)
    .split('/')
    .flatMap((part, at) => (part.startsWith('{') ? [[part.slice(1, -1), segments[at] ?? '']] : []));
  return Object.fromEntries(named) as Record<string, string>;
}
