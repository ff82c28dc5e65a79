import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { brotliCompress, constants, createGzip, gzip } from 'node:zlib';
import accepts from 'accepts';

/** A fast level, for answers that are compressed each time. */
const QUICK = { br: 5, gzip: 6 } as const;
/** The best level, for files that are compressed once. */
const THOROUGH = { br: 11, gzip: 9 } as const;

type Coding = keyof typeof QUICK;

/** A body, and the header fields that name its coding. */
export interface CodedBody {
  readonly body: Buffer;
  readonly headers: OutgoingHttpHeaders;
}

/** The coding a client wants (RFC 9110, section 12.5.3); null: none. */
function wantedCoding(request: IncomingMessage): Coding | null {
  const found = accepts(request).encoding(['br', 'gzip']);
  return found === 'br' || found === 'gzip' ? found : null;
}

async function compress(body: Buffer, coding: Coding, level: number): Promise<Buffer> {
  if (coding === 'gzip') return promisify(gzip)(body, { level });
  return promisify(brotliCompress)(body, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: level,
      [constants.BROTLI_PARAM_SIZE_HINT]: body.length,
    },
  });
}

/** Compresses a body for one answer, if its client accepts a coding. */
export async function codedBody(request: IncomingMessage, body: Buffer): Promise<CodedBody> {
  const coding = wantedCoding(request);
  if (coding === null) return { body, headers: {} };
  const small = await compress(body, coding, QUICK[coding]);
  return { body: small, headers: { 'content-encoding': coding } };
}

/** Files that do not change, each compressed once. */
export class CodedFiles {
  readonly #compressed = new Map<string, Promise<Buffer>>();

  async get(
    request: IncomingMessage,
    file: { readonly path: string; readonly body: Buffer },
  ): Promise<CodedBody> {
    const coding = wantedCoding(request);
    if (coding === null) return { body: file.body, headers: {} };
    const name = `${coding} ${file.path}`;
    const known = this.#compressed.get(name);
    const made = known ?? compress(file.body, coding, THOROUGH[coding]);
    this.#compressed.set(name, made);
    return { body: await made, headers: { 'content-encoding': coding } };
  }
}

/** The coding of a live stream: its header fields, and the writable for its text. */
export function codedStream(request: IncomingMessage): {
  readonly headers: OutgoingHttpHeaders;
  readonly open: (response: ServerResponse) => Writable;
} {
  if (accepts(request).encoding(['gzip']) !== 'gzip') {
    return { headers: {}, open: (response) => response };
  }
  return {
    headers: { 'content-encoding': 'gzip' },
    open: (response) => {
      // Flush after each write.
      const text = createGzip({ flush: constants.Z_SYNC_FLUSH });
      pipeline(text, response).catch(() => undefined); // the client left
      return text;
    },
  };
}
