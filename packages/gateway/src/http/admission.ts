import type { IncomingHttpHeaders } from 'node:http';

/** Why a request is refused by its head alone. The connection is closed after the answer. */
export interface Refusal {
  status: 400 | 405 | 413 | 417 | 431;
  problem: string;
}

/** A request's head, as Node has parsed it. */
export interface RequestHead {
  method: string;
  httpVersion: string;
  headers: IncomingHttpHeaders;
  rawHeaders: readonly string[];
}

/** The methods OpenRouter's API uses, and OPTIONS for browsers. */
const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
]);
const MAY_BE_CHUNKED: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);
const MAX_HEADERS = 100;
const HOST = /^[\w.-]+(:\d{1,5})?$|^\[[0-9a-f:.]+\](:\d{1,5})?$/i;

function countHeader(rawHeaders: readonly string[], name: string): number {
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === name) count += 1;
  }
  return count;
}

/** Node keeps the first of two Host headers; the next hop may keep the other (RFC 9112, section 3.2). */
function hostProblem(head: RequestHead): string | undefined {
  const hosts = countHeader(head.rawHeaders, 'host');
  if (hosts > 1 || (hosts === 0 && head.httpVersion === '1.1')) {
    return 'a request must have exactly one Host header';
  }
  if (hosts === 1 && !HOST.test(head.headers.host ?? '')) return 'the Host header is malformed';
  return undefined;
}

/**
 * Chunked bodies pass only where a body is usual: the proxy library drops the framing of a chunked
 * DELETE or OPTIONS and leaves its body on the connection as a second request (CVE-2026-29057).
 */
function framingProblem(head: RequestHead): string | undefined {
  const encoding = head.headers['transfer-encoding'];
  if (encoding === undefined) return undefined;
  if (head.httpVersion !== '1.1') return 'Transfer-Encoding needs HTTP/1.1';
  if (encoding.toLowerCase() !== 'chunked') return 'the only Transfer-Encoding served is chunked';
  if (!MAY_BE_CHUNKED.has(head.method)) {
    return `a ${head.method} request must not have a chunked body`;
  }
  return undefined;
}

/** Decides by its head alone whether a request is refused. */
export function admissionRefusal(head: RequestHead, maxBodyBytes: number): Refusal | undefined {
  if (!METHODS.has(head.method)) {
    return { status: 405, problem: `the method ${head.method} is not served` };
  }
  if (head.httpVersion !== '1.1' && head.httpVersion !== '1.0') {
    return { status: 400, problem: 'only HTTP/1.1 and HTTP/1.0 are served' };
  }
  if (head.rawHeaders.length / 2 > MAX_HEADERS) {
    return { status: 431, problem: `more than ${MAX_HEADERS} header lines` };
  }
  if (head.httpVersion === '1.1' && !/^(100-continue)?$/i.test(head.headers.expect ?? '')) {
    return { status: 417, problem: 'the only expectation met is 100-continue' };
  }
  const problem = hostProblem(head) ?? framingProblem(head);
  if (problem !== undefined) return { status: 400, problem };
  if (Number(head.headers['content-length'] ?? 0) > maxBodyBytes) {
    return { status: 413, problem: `the body is larger than ${maxBodyBytes} bytes` };
  }
  return undefined;
}
