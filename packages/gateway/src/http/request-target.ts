import type { Api } from '@openrouter-proxy/kms-protocol';

/**
 * The parsed target of a request. A path is parsed once, here; routing, authentication and forwarding all use
 * the result, so they cannot read the path differently.
 */
export type RequestTarget =
  | { kind: 'api'; path: string; query: string; api: Api }
  | { kind: 'health'; probe: 'summary' | 'live' | 'ready'; verbose: boolean }
  | {
      kind: 'metrics';
      page: 'main' | 'raw' | 'live' | 'request' | 'asset';
      path: string;
      query: string;
    }
  /** The paths that people and programs try first: `/`, and the API's own prefixes. */
  | { kind: 'entry'; isRoot: boolean }
  /** No such path. `mistake`: the wrong part of the client's base URL, if it can be recognized. */
  | { kind: 'unknown'; mistake: BaseUrlMistake | null };

/** A base URL that names the API's prefix, or an endpoint, which the client adds by itself. */
export type BaseUrlMistake = 'prefix twice' | 'endpoint twice';

/** A target that must not be served: `problem` says why, for the client. */
export interface UnsafeTarget {
  kind: 'unsafe';
  problem: string;
}

const NOT_VISIBLE_ASCII = /[^\x21-\x7e]/;
/** A dot segment in any spelling: a later hop may resolve it to another path than the one checked here. */
const DOT_SEGMENT = /(^|\/)(\.|%2e){1,2}(\/|$)/i;
const EMPTY_SEGMENT = '//';
/** Encoded slash, backslash, NUL and other control characters. */
const ENCODED_SEPARATOR = /%(2f|5c|[01][0-9a-f]|7f)/i;

const APIS: Readonly<Record<string, Api>> = {
  '/chat/completions': 'chat',
  '/completions': 'completions',
  '/responses': 'responses',
  '/messages': 'messages',
  '/messages/count_tokens': 'messages',
  '/embeddings': 'embeddings',
};

/**
 * Some tools append `/v1` to the base URL they were given: both spellings mean the same API. A base
 * URL that ends with a slash gives a second slash: it belongs to the prefix.
 */
const API_PREFIX = /^(?:\/api)?(?:\/v1){1,2}(?:\/(?=\/)|(?=\/|$))/;
const SECOND_PREFIX = /^\/(?:api|v1)(?:\/|$)/;
const SECOND_ENDPOINT =
  /^\/(?:chat\/completions|completions|responses|messages)\/(?:v1\/)?(?:chat\/completions|completions|responses|messages|embeddings|models)$/;

function baseUrlMistake(rest: string): BaseUrlMistake | null {
  if (SECOND_PREFIX.test(rest)) return 'prefix twice';
  return SECOND_ENDPOINT.test(rest) ? 'endpoint twice' : null;
}

function apiTarget(path: string, query: string): RequestTarget | undefined {
  const prefix = API_PREFIX.exec(path);
  if (prefix === null) return undefined;
  const rest = path.slice(prefix[0].length);
  if (rest === '' || rest === '/') return { kind: 'entry', isRoot: false };
  if (rest.includes(EMPTY_SEGMENT)) return undefined;
  const mistake = baseUrlMistake(rest);
  if (mistake !== null) return { kind: 'unknown', mistake };
  const name = rest.length > 1 && rest.endsWith('/') ? rest.slice(0, -1) : rest;
  return { kind: 'api', path: rest, query, api: APIS[name] ?? 'other' };
}

function ownTarget(path: string, query: string): RequestTarget {
  switch (path) {
    case '/':
      return { kind: 'entry', isRoot: true };
    case '/api':
    case '/api/':
      return { kind: 'entry', isRoot: false };
    case '/health':
      return { kind: 'health', probe: 'summary', verbose: /(^\?|&)verbose=1(&|$)/.test(query) };
    case '/health/live':
      return { kind: 'health', probe: 'live', verbose: false };
    case '/health/ready':
      return { kind: 'health', probe: 'ready', verbose: false };
    default:
      return metricsTarget(path, query) ?? { kind: 'unknown', mistake: null };
  }
}

const METRICS_PAGES: Readonly<Record<string, Extract<RequestTarget, { kind: 'metrics' }>['page']>> =
  {
    '/metrics': 'main',
    '/metrics/raw': 'raw',
    '/metrics/live': 'live',
    '/metrics/request': 'request',
  };

function metricsTarget(path: string, query: string): RequestTarget | undefined {
  const page = path.startsWith('/metrics/assets/') ? 'asset' : METRICS_PAGES[path];
  return page && { kind: 'metrics', page, path, query };
}

function unsafe(problem: string): UnsafeTarget {
  return { kind: 'unsafe', problem };
}

/**
 * Reads a request line's target. Only the origin form is served (RFC 9112, section 3.2.1). A path
 * that a later hop could read differently is refused rather than normalised.
 */
export function parseTarget(url: string): RequestTarget | UnsafeTarget {
  if (!url.startsWith('/')) return unsafe('the request target must be a path');
  if (NOT_VISIBLE_ASCII.test(url) || url.includes('#')) {
    return unsafe('the request target has characters that must be percent-encoded');
  }
  const mark = url.indexOf('?');
  const path = mark === -1 ? url : url.slice(0, mark);
  const query = mark === -1 ? '' : url.slice(mark);
  if (path.includes('\\') || ENCODED_SEPARATOR.test(path)) {
    return unsafe('the path has an encoded separator or a backslash');
  }
  if (DOT_SEGMENT.test(path)) return unsafe('the path has a dot segment');
  const target = apiTarget(path, query);
  if (target !== undefined) return target;
  if (path.includes(EMPTY_SEGMENT)) {
    return unsafe(
      'the path has two slashes in a row; remove the slash at the end of your base URL',
    );
  }
  return ownTarget(path, query);
}

/** Whether `path` is one of `endpoints` or lies below one, on whole path segments. */
export function isPublic(path: string, endpoints: readonly string[]): boolean {
  return endpoints.some((endpoint) => path === endpoint || path.startsWith(`${endpoint}/`));
}
