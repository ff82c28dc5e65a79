import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import type { Outcome } from '@openrouter-proxy/kms-protocol';
import { errorBodyForClient } from './error-details.ts';
import type { Exchange } from './exchange.ts';
import { classifyFailure } from './outcome.ts';
import { clientResponseHeaders } from './response-headers.ts';
import { UpstreamFailure } from './upstream-failure.ts';

const MAX_BODY = 1024 * 1024;
const BODY_TIMEOUT_MS = 10_000;

/** An upstream response of status 400 or more, read whole: nothing of it has reached the client. */
export interface RefusedResponse {
  outcome: Outcome;
  /** Passes OpenRouter's own answer on to the client. */
  answer(exchange: Exchange): void;
}

const DECODERS: Readonly<
  Record<string, (body: Buffer, limit: { maxOutputLength: number }) => Buffer>
> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
};

/** What a refusal is read under. */
export interface RefusalOptions {
  /** The key the request was sent under; nothing of it is left in the refusal. */
  secret: string | null;
  /** How long its body may take, in milliseconds; never more than ten seconds. */
  timeoutMs: number;
  signal: AbortSignal;
}

async function readBody(response: IncomingMessage, options: RefusalOptions): Promise<Buffer> {
  const { signal, timeoutMs } = options;
  const late = AbortSignal.timeout(Math.min(timeoutMs, BODY_TIMEOUT_MS));
  const stop = AbortSignal.any([signal, late]);
  const giveUp = () => response.destroy();
  stop.addEventListener('abort', giveUp, { once: true });
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > MAX_BODY) throw new Error(`an error body of more than ${MAX_BODY} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (cause) {
    const kind = signal.aborted ? 'aborted' : 'broken';
    throw new UpstreamFailure(kind, 'the upstream broke off within an error answer', { cause });
  } finally {
    stop.removeEventListener('abort', giveUp);
  }
}

/** The body as text bytes; a body that cannot be decoded counts as empty. */
function decoded(body: Buffer, headers: IncomingHttpHeaders): Buffer {
  const encoding = headers['content-encoding'];
  if (encoding === undefined || encoding === 'identity') return body;
  try {
    return DECODERS[encoding]?.(body, { maxOutputLength: MAX_BODY }) ?? Buffer.alloc(0);
  } catch {
    return Buffer.alloc(0);
  }
}

/** When to come back, where the upstream says so in its body only: many clients read no more than the header. */
function secondsToWait(outcome: Outcome): string | undefined {
  if (!('evidence' in outcome)) return undefined;
  return outcome.evidence.find(
    ({ field, value }) => /^retry[-_]after/.test(field) && /^\d{1,6}$/.test(value),
  )?.value;
}

/** The body without the key that the request was sent under. */
function withoutSecret(body: Buffer, secret: string | null): Buffer {
  if (secret === null || !body.includes(secret)) return body;
  return Buffer.from(body.toString('utf8').replaceAll(secret, '***'));
}

/** Reads a refusal to its end and classifies it. Rejects with an UpstreamFailure when it breaks off. */
export async function readRefusal(
  response: IncomingMessage,
  options: RefusalOptions,
): Promise<RefusedResponse> {
  const { secret } = options;
  const status = response.statusCode ?? 502;
  const body = withoutSecret(decoded(await readBody(response, options), response.headers), secret);
  const { headers } = response;
  const outcome = classifyFailure({ status, headers, body: body.toString('utf8') });
  return {
    outcome,
    answer(exchange) {
      const headers = clientResponseHeaders(status, response.headers, secret);
      delete headers['content-encoding'];
      const seconds = secondsToWait(outcome);
      if (seconds !== undefined) headers['retry-after'] ??= seconds;
      exchange.answer(status, errorBodyForClient(body), headers);
    },
  };
}
