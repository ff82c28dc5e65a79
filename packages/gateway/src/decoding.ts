import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
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

type Decode = (body: Buffer, limit: { maxOutputLength: number }) => Buffer;

interface Coding {
  whole: Decode;
  /** Gives out what it has with each chunk it gets. */
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

/** The coding of a body, in lower case. */
function codingOf(headers: IncomingHttpHeaders): string {
  return (headers['content-encoding'] ?? 'identity').trim().toLowerCase();
}

/** Whether a body is as it stands. */
function isPlain(headers: IncomingHttpHeaders): boolean {
  return codingOf(headers) === 'identity';
}

/** A whole body, decoded; undefined if that cannot be done, or gives more than `maxBytes`. */
export function decodeBody(
  body: Buffer,
  headers: IncomingHttpHeaders,
  maxBytes: number,
): Buffer | undefined {
  if (isPlain(headers)) return body;
  try {
    return CODINGS.get(codingOf(headers))?.whole(body, { maxOutputLength: maxBytes });
  } catch {
    return undefined;
  }
}

/** A response's body, decoded as it arrives; undefined if its coding is not known. */
export function decodeStream(response: IncomingMessage): Readable | undefined {
  if (isPlain(response.headers)) return response;
  const decoder = CODINGS.get(codingOf(response.headers))?.stream();
  if (decoder === undefined) return undefined;
  // Whoever reads the decoder sees how it ended: a broken source destroys it.
  return pipeline(response, decoder, () => undefined);
}
