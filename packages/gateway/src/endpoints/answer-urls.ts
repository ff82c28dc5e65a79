/** Where the API of OpenRouter is, and where the client sees it. */
export interface UrlMap {
  /** `openrouter.base_url`. */
  upstreamBase: string;
  /** The gateway's own address as the client sees it, without a path: `https://gateway.example:8443`. */
  ownOrigin: string;
}

/** A document with URLs is a small one; a larger one holds results and passes as it is. */
export const MAX_REWRITTEN_BYTES = 1024 * 1024;
const MAX_DEPTH = 64;

/** OpenRouter names its public hosts in answers, whatever host it was asked under. */
const PUBLIC_HOST = /^([\w-]+\.)*openrouter\.ai$/;
const ABSOLUTE = /^\s*https?:\/\//i;

/** The URL of the same resource at the gateway, or null if it is not one of OpenRouter's API. */
export function ownUrl(url: string, { upstreamBase, ownOrigin }: UrlMap): string | null {
  if (!ABSOLUTE.test(url) || !URL.canParse(url)) return null;
  const target = new URL(url);
  const base = new URL(upstreamBase);
  const basePath = base.pathname.replace(/\/$/, '');
  if (target.host === base.host && isBelow(target.pathname, basePath)) {
    const rest = target.pathname.slice(basePath.length);
    return `${ownOrigin}/api/v1${rest}${target.search}${target.hash}`;
  }
  const isPublic = PUBLIC_HOST.test(target.hostname) && isBelow(target.pathname, '/api');
  return isPublic ? `${ownOrigin}${target.pathname}${target.search}${target.hash}` : null;
}

const isBelow = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`);

/** A value with its URLs rewritten; the same value if it has none. */
function rewritten(value: unknown, map: UrlMap, depth: number): unknown {
  if (typeof value === 'string') return ownUrl(value, map) ?? value;
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => rewritten(item, map, depth + 1));
    return items.every((item, at) => item === value[at]) ? value : items;
  }
  const before = Object.entries(value);
  const after = before.map(([name, member]) => [name, rewritten(member, map, depth + 1)] as const);
  const isSame = after.every(([, member], at) => member === before[at]?.[1]);
  return isSame ? value : Object.fromEntries(after);
}

/**
 * A JSON answer in which each URL of OpenRouter's API (`polling_url`, `unsigned_urls`, results) leads to the
 * gateway: a client that follows one sends its access key along. Without such URLs the bytes stay the same.
 */
export function withOwnUrls(document: Buffer, map: UrlMap): Buffer {
  if (document.length > MAX_REWRITTEN_BYTES) return document;
  let parsed: unknown;
  try {
    parsed = JSON.parse(document.toString('utf8'));
  } catch {
    return document; // no JSON: nobody follows its URLs
  }
  const result = rewritten(parsed, map, 0);
  return result === parsed ? document : Buffer.from(JSON.stringify(result));
}
