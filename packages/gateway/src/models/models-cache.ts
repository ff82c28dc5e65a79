import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { GatewayConfiguration } from '@openrouter-proxy/config';
import type { RequestContext } from '../response/request-context.ts';
import { ANSWERED, CLIENT_GONE, endWithError, type RequestEnd } from '../request/request-end.ts';
import { onlyFreeModels } from '../body/free-models.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { pathNeedsKey } from '../outcome/key-refusal.ts';
import type { GatewayMetrics } from '../metrics/gateway-metrics.ts';
import { clientResponseHeaders } from '../upstream/response-headers.ts';
import type { SharedList, Siblings } from '../workers/siblings.ts';
import { failureAnswer, UpstreamFailure } from '../upstream/upstream-failure.ts';
import type { UpstreamResponse } from '../upstream/upstream.ts';

const gzipAsync = promisify(gzip);
const gunzipAsync = promisify(gunzip);
const MAX_ENTRIES = 64;
const MAX_BODY = 16 * 1024 * 1024;
/** Upstream calls at the same time, each for another query. */
const MAX_FETCHES = 32;

/** A model list, as it was fetched at `fetchedAt` (milliseconds since the epoch). */
interface ModelList {
  fetchedAt: number;
  headers: Record<string, string | string[]>;
  gzipped: Buffer;
  plain: Buffer;
}

const packed = ({ fetchedAt, headers, gzipped }: ModelList): SharedList => ({
  ...{ fetchedAt, headers },
  body: gzipped.toString('base64'),
});

async function unpacked({ fetchedAt, headers, body }: SharedList): Promise<ModelList> {
  const gzipped = Buffer.from(body, 'base64');
  return { fetchedAt, headers, gzipped, plain: await gunzipAsync(gzipped) };
}

/** The result of a fetch: a list to keep, an answer that is passed on and not kept, or a failure. */
type Fetched =
  | { kind: 'list'; list: ModelList }
  | { kind: 'failed'; failure: UpstreamFailure }
  | { kind: 'refused'; status: number; headers: OutgoingHttpHeaders; body: Buffer };

/** An upstream call that clients wait for. */
interface Fetching {
  readonly promise: Promise<Fetched>;
  readonly stop: AbortController;
  waiting: number;
}

/** The source and the settings of the cache. */
export interface ModelsCacheDeps {
  /** Gets a path from the upstream, without a key. Rejects with an UpstreamFailure. */
  fetch: (path: string, signal: AbortSignal) => Promise<UpstreamResponse>;
  metrics: GatewayMetrics;
  /** The other workers, which share fetched lists. */
  siblings: Pick<Siblings, 'list' | 'listed'>;
  now: () => number;
  settings: {
    readonly cache: GatewayConfiguration['cache'];
    readonly rules: Pick<GatewayConfiguration['rules'], 'freeOnly'>;
    readonly upstream: Pick<GatewayConfiguration['upstream'], 'firstByteTimeoutMs'>;
  };
}

/** Whether a request is for the model list. */
export function isModelList(method: string | undefined, path: string): boolean {
  return /^\/models\/?$/.test(path) && (method === 'GET' || method === 'HEAD');
}

function acceptsGzip(headers: IncomingHttpHeaders): boolean {
  return /(^|,)\s*(gzip|\*)\s*(;(?!\s*q=0(\.0*)?\s*(,|$))[^,]*)?(,|$)/i.test(
    headers['accept-encoding'] ?? '',
  );
}

async function readAll(response: UpstreamResponse, late: AbortSignal): Promise<Buffer> {
  const giveUp = () => response.destroy();
  late.addEventListener('abort', giveUp, { once: true });
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > MAX_BODY) throw new Error(`a model list of more than ${MAX_BODY} bytes`);
      chunks.push(chunk);
    }
  } catch (cause) {
    throw new UpstreamFailure('broken', 'the upstream broke off within the model list', { cause });
  } finally {
    late.removeEventListener('abort', giveUp);
  }
  return Buffer.concat(chunks);
}

/** A model list's body, plain and compressed. Rejects with an UpstreamFailure if it is no model list. */
async function readList(
  body: Buffer,
  encoding: string | undefined,
  freeOnly: boolean,
): Promise<Pick<ModelList, 'gzipped' | 'plain'>> {
  try {
    const plain = await decoded(body, encoding);
    if (!isList(plain)) throw new Error('it has no list of models');
    if (!freeOnly) return { plain, gzipped: encoding === 'gzip' ? body : await gzipAsync(plain) };
    const free = Buffer.from(onlyFreeModels(plain.toString('utf8')));
    return { plain: free, gzipped: await gzipAsync(free) };
  } catch (cause) {
    throw new UpstreamFailure('invalid', 'the upstream sent no model list', { cause });
  }
}

function isList(body: Buffer): boolean {
  const json: unknown = JSON.parse(body.toString('utf8'));
  return typeof json === 'object' && json !== null && 'data' in json && Array.isArray(json.data);
}

async function decoded(body: Buffer, encoding = 'identity'): Promise<Buffer> {
  if (encoding === 'identity') return body;
  if (encoding === 'gzip') return gunzipAsync(body, { maxOutputLength: MAX_BODY });
  throw new Error(`the content encoding ${encoding} was not asked for`);
}

/**
 * Caches OpenRouter's model list. Clients that ask at the same time share one upstream
 * call. If the upstream fails, the last list is served, and Cache-Status says so (RFC 9211).
 */
export class ModelsCache {
  readonly #deps: ModelsCacheDeps;
  readonly #lists = new Map<string, ModelList>();
  readonly #fetching = new Map<string, Fetching>();

  constructor(deps: ModelsCacheDeps) {
    this.#deps = deps;
  }

  /** 0: every request goes upstream. */
  get #ttlMs(): number {
    const { enabled, ttlMs } = this.#deps.settings.cache;
    return enabled ? ttlMs : 0;
  }

  /** Seconds since the newest list was fetched; null when there is none. */
  ageSeconds(): number | null {
    const newest = Math.max(...this.#lists.values().map((list) => list.fetchedAt));
    return this.#lists.size === 0 ? null : (this.#deps.now() - newest) / 1000;
  }

  /** Answers a request for the model list at `path`, its query included. */
  async answer(context: RequestContext, path: string): Promise<RequestEnd> {
    const { metrics, now } = this.#deps;
    const { progress, writer } = context;
    const cached = this.#lists.get(path);
    if (cached !== undefined && now() - cached.fetchedAt < this.#ttlMs) {
      metrics.modelsCacheHit();
      return this.#send(context, cached, 'hit');
    }
    metrics.modelsCacheMiss();
    progress.attemptStarted();
    const fetched = await this.#fetchOnce(path, context);
    if (writer.response.closed) return CLIENT_GONE;
    const why = cached === undefined ? 'miss' : 'stale';
    if (fetched.kind === 'list') return this.#send(context, fetched.list, `fwd=${why}; stored`);
    if (cached !== undefined) return this.#send(context, cached, 'hit; detail=upstream-failed');
    if (fetched.kind === 'failed') return endWithError(failureAnswer(fetched.failure));
    if (fetched.status === 401) return endWithError(pathNeedsKey(fetched.status));
    writer.answer(fetched.status, fetched.body, fetched.headers);
    return ANSWERED;
  }

  #send({ request, writer }: RequestContext, list: ModelList, how: string): RequestEnd {
    const compressed = acceptsGzip(request.headers);
    const ageSeconds = Math.max(0, Math.floor((this.#deps.now() - list.fetchedAt) / 1000));
    writer.answer(200, compressed ? list.gzipped : list.plain, {
      ...list.headers,
      ...(compressed ? { 'content-encoding': 'gzip' } : {}),
      vary: 'Accept-Encoding',
      age: String(ageSeconds),
      'cache-status': `openrouter-proxy; ${how}; ttl=${Math.floor(this.#ttlMs / 1000) - ageSeconds}`,
    });
    return ANSWERED;
  }

  /** Joins a running call, or begins one. A call is aborted when its last client leaves. */
  async #fetchOnce(path: string, { writer: { response } }: RequestContext): Promise<Fetched> {
    const fetching = this.#fetching.get(path) ?? this.#begin(path);
    const leave = () => {
      fetching.waiting -= 1;
      if (fetching.waiting === 0) fetching.stop.abort();
    };
    fetching.waiting += 1;
    response.once('close', leave);
    try {
      return await fetching.promise;
    } finally {
      response.off('close', leave);
    }
  }

  #begin(path: string): Fetching {
    if (this.#fetching.size >= MAX_FETCHES) {
      const message = 'Too many different lists of models are asked for at once.';
      throw new GatewayError('overloaded', message, { retryAfterMs: 1_000 });
    }
    const stop = new AbortController();
    const promise = this.#find(path, stop.signal)
      .catch((error: unknown): Fetched => {
        if (error instanceof UpstreamFailure) return { kind: 'failed', failure: error };
        throw error;
      })
      .finally(() => this.#fetching.delete(path));
    const fetching = { promise, stop, waiting: 0 };
    this.#fetching.set(path, fetching);
    return fetching;
  }

  /** Takes a list that a sibling has fetched, or fetches one and gives it to the siblings. */
  async #find(path: string, unwanted: AbortSignal): Promise<Fetched> {
    const { siblings, now } = this.#deps;
    const shared = await siblings.list(path, now() - this.#ttlMs);
    if (shared !== null) {
      const list = await unpacked(shared);
      this.#keep(path, list);
      return { kind: 'list', list };
    }
    let found: ModelList | null = null;
    try {
      const fetched = await this.#fetch(path, unwanted);
      if (fetched.kind === 'list') found = fetched.list;
      return fetched;
    } finally {
      siblings.listed(path, found && packed(found));
    }
  }

  async #fetch(path: string, unwanted: AbortSignal): Promise<Fetched> {
    const { settings, now } = this.#deps;
    const { response, body } = await this.#download(path, unwanted);
    const status = response.statusCode;
    const headers = clientResponseHeaders(status, response.headers);
    if (status !== 200) return { kind: 'refused', status, headers, body };
    const contents = await readList(
      body,
      response.headers['content-encoding'],
      settings.rules.freeOnly,
    );
    for (const name of ['content-encoding', 'content-length', 'date', 'age', 'vary', 'etag']) {
      Reflect.deleteProperty(headers, name);
    }
    const list = { fetchedAt: now(), headers, ...contents };
    this.#keep(path, list);
    return { kind: 'list', list };
  }

  async #download(
    path: string,
    unwanted: AbortSignal,
  ): Promise<{ response: UpstreamResponse; body: Buffer }> {
    const { firstByteTimeoutMs: deadlineMs } = this.#deps.settings.upstream;
    const late = AbortSignal.timeout(deadlineMs);
    try {
      const stop = AbortSignal.any([late, unwanted]);
      const response = await this.#deps.fetch(path, stop);
      return { response, body: await readAll(response, stop) };
    } catch (cause) {
      if (!late.aborted) throw cause;
      const message = `no model list from the upstream within ${deadlineMs} ms`;
      throw new UpstreamFailure('timeout', message, { cause });
    }
  }

  #keep(path: string, list: ModelList): void {
    this.#lists.delete(path);
    this.#lists.set(path, list);
    const oldest = this.#lists.keys().next();
    if (this.#lists.size > MAX_ENTRIES && oldest.done === false) this.#lists.delete(oldest.value);
  }
}
