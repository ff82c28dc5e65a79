import type { IncomingHttpHeaders } from 'node:http';
import { pipeline, type Readable, type Transform } from 'node:stream';
import {
  brotliDecompressSync,
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
  gunzipSync,
  inflateSync,
  zstdDecompressSync,
} from 'node:zlib';
import { documentState } from './json-scan.ts';
import type { UpstreamResponse } from './upstream.ts';

type Decode = (body: Buffer, limit: { maxOutputLength: number }) => Buffer;

interface Coding {
  whole: Decode;
  /** Flushes after each chunk. */
  stream: () => Transform;
}

const FLUSH = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH };
const GZIP: Coding = { whole: gunzipSync, stream: () => createGunzip(FLUSH) };

/** Content codings (RFC 9110, section 8.4.1, RFC 8878). */
const CODINGS: ReadonlyMap<string, Coding> = new Map<string, Coding>([
  ['gzip', GZIP],
  ['x-gzip', GZIP],
  ['deflate', { whole: inflateSync, stream: () => createInflate(FLUSH) }],
  [
    'br',
    {
      whole: brotliDecompressSync,
      stream: () => createBrotliDecompress({ flush: constants.BROTLI_OPERATION_FLUSH }),
    },
  ],
  [
    'zstd',
    {
      whole: zstdDecompressSync,
      stream: () => createZstdDecompress({ flush: constants.ZSTD_e_flush }),
    },
  ],
]);

/** Whether a content coding can be decoded here. */
export function isReadable(coding: string): boolean {
  return coding === 'identity' || CODINGS.has(coding);
}

/** The coding of a body, in lower case. */
function codingOf(headers: IncomingHttpHeaders): string {
  return (headers['content-encoding'] ?? 'identity').trim().toLowerCase();
}

/** Whether a body has no content coding. */
export function isPlain(headers: IncomingHttpHeaders): boolean {
  return codingOf(headers) === 'identity';
}

/** A whole body after decoding, or why there is none. */
export type DecodedBody =
  { kind: 'decoded'; bytes: Buffer } | { kind: 'unknown coding' | 'damaged' | 'too large' };

/**
 * Decodes a whole body. Some servers label plain JSON as compressed: a body that cannot be decoded, and
 * is a whole JSON document counts as plain.
 */
export function decode(body: Buffer, headers: IncomingHttpHeaders, maxBytes: number): DecodedBody {
  if (isPlain(headers)) return { kind: 'decoded', bytes: body };
  const coding = CODINGS.get(codingOf(headers));
  if (coding === undefined) return { kind: 'unknown coding' };
  try {
    return { kind: 'decoded', bytes: coding.whole(body, { maxOutputLength: maxBytes }) };
  } catch (error) {
    if (documentState(body) === 'whole') return { kind: 'decoded', bytes: body };
    const isTooLarge =
      error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    return { kind: isTooLarge ? 'too large' : 'damaged' };
  }
}

/** A whole body, decoded; undefined if it cannot be decoded, or has more than `maxBytes` then. */
export function decodeBody(
  body: Buffer,
  headers: IncomingHttpHeaders,
  maxBytes: number,
): Buffer | undefined {
  const decoded = decode(body, headers, maxBytes);
  return decoded.kind === 'decoded' ? decoded.bytes : undefined;
}

/**
 * A response's body, decoded as it arrives; undefined if its coding is unknown. `begun`: the part that was
 * read before.
 */
export function decodeStream(
  response: Readable & Pick<UpstreamResponse, 'headers'>,
  begun: readonly Buffer[] = [],
): Readable | undefined {
  if (isPlain(response.headers)) return response;
  const decoder = CODINGS.get(codingOf(response.headers))?.stream();
  if (decoder === undefined) return undefined;
  for (const chunk of begun) decoder.write(chunk);
  if (response.readableEnded) return decoder.end();
  // No callback is needed: a broken source destroys the decoder, and its reader sees that.
  return pipeline(response, decoder, () => undefined);
}
