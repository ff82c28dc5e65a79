/** Only reading is public: nothing that a request brings along reaches OpenRouter without a client's key. */
const READING: ReadonlySet<string> = new Set(['GET', 'HEAD']);
const SUBTREE = '/*';

/**
 * Whether a request needs no access key. Each of `openrouter.public_endpoints` is one path; with `/*` at its end
 * it is also everything below. `path` begins with `/api/v1`, without a query.
 */
export function isPublicRequest(
  method: string,
  path: string,
  endpoints: readonly string[],
): boolean {
  if (!READING.has(method)) return false;
  const plain = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  return endpoints.some((endpoint) => {
    if (!endpoint.endsWith(SUBTREE)) return plain === endpoint;
    const root = endpoint.slice(0, -SUBTREE.length);
    return plain === root || plain.startsWith(`${root}/`);
  });
}
