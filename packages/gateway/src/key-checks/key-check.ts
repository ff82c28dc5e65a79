import { setTimeout as sleep } from 'node:timers/promises';
import type { KeyCheckResult, KmsClient, Lease, Outcome } from '@openrouter-proxy/kms-protocol';
import type { Logger } from '@openrouter-proxy/runtime';
import { getDocument } from '../upstream/get-document.ts';
import { readCreditsLeft, readKeyMetadata } from './key-metadata.ts';
import { classifyFailure, type FailedResponse } from '../outcome/outcome.ts';
import { failureOutcome, UpstreamFailure } from '../upstream/upstream-failure.ts';
import type { UpstreamEngine } from '../upstream/upstream.ts';

/** The most key checks at once. */
const CONCURRENT_CHECKS = 16;
/** How long one call waits at the key service for a key to check. */
const WAIT_MS = 25_000;
const ANSWER_MS = 2_000;
/** The pause after a call to the key service has failed. */
const REST_MS = 1_000;
const MAX_BODY = 64 * 1024;
/** How long a whole check may take: the connection, the answer's head and its body. */
export const CHECK_MS = 10_000;

/** The connections and limits of key checks. */
export interface KeyCheckerDeps {
  kms: KmsClient;
  /** OpenRouter as it is configured now. */
  upstream: () => { readonly engine: UpstreamEngine; readonly baseUrl: URL };
  logger: Logger;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** How long one check may take, in milliseconds. */
  checkMs: number;
}

/** The result of a check, and how far the answer's `Date` is ahead of this machine's clock. */
interface Checked {
  finding: KeyCheckResult;
  clockOffsetMs?: number;
}

/**
 * Checks keys with `GET /key` at OpenRouter whenever the key service asks for it. The key service
 * decides what the answers mean. A check uses none of a key's allowance.
 */
export class KeyChecker {
  readonly #deps: KeyCheckerDeps;
  readonly #stop = new AbortController();
  readonly #work: Promise<unknown>;

  constructor(deps: KeyCheckerDeps) {
    this.#deps = deps;
    this.#work = Promise.all(Array.from({ length: CONCURRENT_CHECKS }, () => this.#checkOn()));
  }

  /** Stops checking: running checks are aborted. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#work;
  }

  async #checkOn(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#checkNext();
      } catch (error) {
        this.#deps.logger.debug('a key check could not be made', { error });
        await sleep(REST_MS, undefined, { signal, ref: false }).catch(() => undefined);
      }
    }
  }

  async #checkNext(): Promise<void> {
    const { kms } = this.#deps;
    const { signal } = this.#stop;
    const { lease, asksCredits } = await kms.call(
      'inspection.take',
      { waitMs: WAIT_MS },
      { signal, timeoutMs: WAIT_MS + ANSWER_MS },
    );
    if (lease === null) return;
    const checked = await this.#checkUnderCurrent(lease, asksCredits);
    await kms.call('inspection.report', { leaseId: lease.leaseId, ...checked });
  }

  /** Repeats a check that failed while the configuration changed: its connection may have been closed here. */
  async #checkUnderCurrent(lease: Lease, asksCredits: boolean): Promise<Checked> {
    for (;;) {
      const before = this.#deps.upstream();
      const checked = await this.#check(lease, asksCredits);
      const isCurrent = this.#deps.upstream() === before || this.#stop.signal.aborted;
      if (checked.finding.kind !== 'failed' || isCurrent) return checked;
    }
  }

  async #check({ secret }: Lease, asksCredits: boolean): Promise<Checked> {
    const deadline = AbortSignal.timeout(this.#deps.checkMs);
    const signal = AbortSignal.any([this.#stop.signal, deadline]);
    try {
      const answer = await this.#get('/key', secret, signal);
      const clock = this.#clockOffset(answer.headers.date);
      const facts = answer.status === 200 ? readKeyMetadata(answer.body) : undefined;
      if (facts !== undefined) {
        const credits = asksCredits ? await this.#credits(secret, signal) : {};
        return { finding: { ...facts, ...credits }, ...clock };
      }
      const failed = { ...answer, status: answer.status < 400 ? 502 : answer.status };
      return { finding: { kind: 'failed', outcome: classifyFailure(failed) }, ...clock };
    } catch (error) {
      if (!(error instanceof UpstreamFailure)) throw error;
      const outcome = this.#failure(error, deadline);
      return { finding: { kind: 'failed', outcome } };
    }
  }

  /** The account's remaining credits; nothing if OpenRouter does not tell this key. */
  async #credits(secret: string, signal: AbortSignal): Promise<{ creditsLeft?: number }> {
    try {
      const { status, body } = await this.#get('/credits', secret, signal);
      const creditsLeft = status === 200 ? readCreditsLeft(body) : undefined;
      return creditsLeft === undefined ? {} : { creditsLeft };
    } catch (error) {
      if (error instanceof UpstreamFailure) return {};
      throw error;
    }
  }

  async #get(path: string, secret: string, signal: AbortSignal): Promise<FailedResponse> {
    const { engine, baseUrl } = this.#deps.upstream();
    const limits = { maxBytes: MAX_BODY, idleMs: this.#deps.checkMs };
    const answer = await getDocument(engine, baseUrl, { path, secret, signal, ...limits });
    if (answer instanceof UpstreamFailure) throw answer;
    return answer;
  }

  /** A check that was ended by its deadline counts as unanswered; one that was ended by `stop` has no result. */
  #failure(failure: UpstreamFailure, deadline: AbortSignal): Outcome {
    const isLate = failure.kind === 'aborted' && deadline.aborted && !this.#stop.signal.aborted;
    return isLate ? noAnswerWithin(this.#deps.checkMs) : failureOutcome(failure);
  }

  #clockOffset(date: string | undefined): { clockOffsetMs?: number } {
    const at = Date.parse(date ?? '');
    return Number.isNaN(at) ? {} : { clockOffsetMs: Math.round(at - this.#deps.now()) };
  }
}

/** The outcome of a check whose deadline has passed. */
function noAnswerWithin(ms: number): Outcome {
  return { kind: 'connection_failed', detail: `no answer within ${ms / 1_000} s` };
}
