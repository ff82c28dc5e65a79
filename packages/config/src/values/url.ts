import { Secret } from '@openrouter-proxy/runtime';
import type { Reading } from './reading.ts';

const API_SCHEMES = ['http:', 'https:'];
const PROXY_SCHEMES = ['http:', 'https:', 'socks4:', 'socks5:', 'socks5h:'];

/** The value as a URL with a host. White space is refused, which the URL parser would remove. */
function parseUrl(value: unknown, schemes: readonly string[]): URL | undefined {
  if (typeof value !== 'string' || /[\s\p{Cc}\\]/u.test(value)) return undefined;
  const url = URL.parse(value);
  return url !== null && schemes.includes(url.protocol) && url.hostname !== '' ? url : undefined;
}

/** Reads the API's base URL, without a trailing slash. It is never quoted: it might hold credentials. */
export function readBaseUrl(value: unknown): Reading<string> {
  const url = parseUrl(value, API_SCHEMES);
  if (typeof value !== 'string' || url === undefined) {
    return { problem: 'must be an http or https URL' };
  }
  if (url.username !== '' || url.password !== '') {
    return { problem: 'must not hold credentials: keys belong into `openrouter.keys`' };
  }
  if (/[?#]/.test(value)) return { problem: 'must not have a query or a fragment' };
  return { value: url.href.replace(/\/+$/, '') };
}

/** Reads the gateway's own address as its clients see it: a scheme and a host, without a path. */
export function readPublicUrl(value: unknown): Reading<string> {
  const url = parseUrl(value, API_SCHEMES);
  if (url?.href !== `${url?.origin}/`) {
    return {
      problem: 'must be an http or https URL without a path, such as `https://ai.example.com`',
    };
  }
  return { value: url.origin };
}

/** Reads the URL of the outgoing proxy. It is never quoted: it holds credentials. */
export function readProxyUrl(value: unknown): Reading<Secret> {
  if (typeof value !== 'string' || parseUrl(value, PROXY_SCHEMES) === undefined) {
    return { problem: 'must be a URL with http, https, socks4, socks5 or socks5h and a host' };
  }
  return { value: new Secret(value) };
}
