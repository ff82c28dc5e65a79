import { setTimeout as sleep } from 'node:timers/promises';
import type { Finding, KmsClient, Lease, Outcome } from '@openrouter-proxy/kms-protocol';
import type { Logger } from '@openrouter-proxy/runtime';
import { collect } from './collect.ts';
import { decodeBody } from './decoding.ts';
import { readKeyFacts } from './key-facts.ts';
import { classifyFailure } from './outcome.ts';
import { failureOutcome, UpstreamFailure } from './upstream-failure.ts';
import type { Upstream } from './upstream.ts';

/** Inspections under way at once. */
const INSPECTORS = 16;
/** How long the key service may keep an inspector waiting for work. */
const WAIT_MS = 25_000;
const ANSWER_MS = 2_000;
/** Before the next try when the key service cannot be asked. */
const REST_MS = 1_000;
const MAX_BODY = 64 * 1024;
/** How long a whole check may take: the connection, the answer's head and its body. */
export const CHECK_MS = 10_000;

/** What inspections are made with. */
export interface InspectorParts {
  kms: KmsClient;
  /** The way to OpenRouter, as it is configured at the moment. */
  way: () => { upstream: Upstream; baseUrl: URL };
  logger: Logger;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** How long one check may take, in milliseconds. */
  checkMs: number;
}

/** What came of asking, and how far the answer's `Date` is ahead of this machine's clock. */
interface Checked {
  finding: Finding;
  clockOffsetMs?: number;
}

/**
 * Asks OpenRouter about keys, with `GET /key`, whenever the key service wants to know; what the
 * answers mean is for the key service to say. Such a request costs none of a key's allowance.
 */
export class Inspector {
  readonly #parts: InspectorParts;
  readonly #stop = new AbortController();
  readonly #work: Promise<unknown>;

  constructor(parts: InspectorParts) {
    this.#parts = parts;
    this.#work = Promise.all(Array.from({ length: INSPECTORS }, () => this.#inspectOn()));
  }

  /** Ends it: what is under way is given up. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#work;
  }

  async #inspectOn(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#inspectNext();
      } catch (error) {
        this.#parts.logger.debug('no inspection', { error });
        await sleep(REST_MS, undefined, { signal, ref: false }).catch(() => undefined);
      }
    }
  }

  async #inspectNext(): Promise<void> {
    const { kms } = this.#parts;
    const { signal } = this.#stop;
    const { lease } = await kms.call(
      'inspection.take',
      { waitMs: WAIT_MS },
      { signal, timeoutMs: WAIT_MS + ANSWER_MS },
    );
    if (lease === null) return;
    const checked = await this.#inspect(lease);
    await kms.call('inspection.report', { leaseId: lease.leaseId, ...checked });
  }

  async #inspect({ secret }: Lease): Promise<Checked> {
    const { upstream, baseUrl } = this.#parts.way();
    const { checkMs } = this.#parts;
    const deadline = AbortSignal.timeout(checkMs);
    const signal = AbortSignal.any([this.#stop.signal, deadline]);
    const headers = {
      host: baseUrl.host,
      accept: 'application/json',
      authorization: `Bearer ${secret}`,
    };
    try {
      const response = await upstream.send({
        method: 'GET',
        path: `${baseUrl.pathname.replace(/\/$/, '')}/key`,
        headers,
        body: { sendTo: (request) => void request.end() },
        signal,
      });
      const clock = this.#clockOffset(response.headers.date);
      const limits = { maxBytes: MAX_BODY, idleMs: checkMs, signal };
      const { chunks, whole } = await collect(response, limits);
      if (!whole) response.destroy();
      const { statusCode: status = 502, headers: answered } = response;
      const body = decodeBody(Buffer.concat(chunks), answered, MAX_BODY)?.toString('utf8') ?? '';
      const facts = status === 200 ? readKeyFacts(body) : undefined;
      if (facts !== undefined) return { finding: facts, ...clock };
      const failed = { status: status < 400 ? 502 : status, headers: answered, body };
      return { finding: { kind: 'failed', outcome: classifyFailure(failed) }, ...clock };
    } catch (error) {
      if (!(error instanceof UpstreamFailure)) throw error;
      const outcome = this.#failure(error, deadline);
      return { finding: { kind: 'failed', outcome } };
    }
  }

  /** A check that its deadline ended is one without an answer; one that a stop ended says nothing. */
  #failure(failure: UpstreamFailure, deadline: AbortSignal): Outcome {
    const isLate = failure.kind === 'aborted' && deadline.aborted && !this.#stop.signal.aborted;
    return isLate ? noAnswerWithin(this.#parts.checkMs) : failureOutcome(failure);
  }

  #clockOffset(date: string | undefined): { clockOffsetMs?: number } {
    const at = Date.parse(date ?? '');
    return Number.isNaN(at) ? {} : { clockOffsetMs: Math.round(at - this.#parts.now()) };
  }
}

/** What a check has found when its deadline has passed. */
function noAnswerWithin(ms: number): Outcome {
  return { kind: 'connection_failed', detail: `no answer within ${ms / 1_000} s` };
}
