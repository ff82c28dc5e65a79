import { randomUUID } from 'node:crypto';
import {
  KmsError,
  MAX_RECORDED,
  type KmsClient,
  type RequestSummary,
} from '@openrouter-proxy/kms-protocol';
import type { Logger } from '@openrouter-proxy/runtime';

/** How long finished requests are collected before they are sent to the key service. */
const GATHER_MS = 200;
/** The most finished requests that are kept while the key service does not answer; the oldest are dropped. */
const MAX_KEPT = 5_000;
const RETRY_MS = 1_000;

/** The content of one message. A repeated message keeps its name, so that it counts once. */
interface Batch {
  readonly batch: string;
  readonly requests: RequestSummary[];
  readonly unauthorized: number;
}

/** Sends finished requests to the key service, in batches and in the background. */
export class RequestRecorder {
  readonly #kms: KmsClient;
  readonly #logger: Logger;
  #ends: RequestSummary[] = [];
  #unauthorized = 0;
  /** Batches that were sent without a confirmation, or were divided. */
  #unconfirmed: Batch[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;

  constructor(kms: KmsClient, logger: Logger) {
    this.#kms = kms;
    this.#logger = logger;
  }

  add(end: RequestSummary): void {
    this.#ends.push(end);
    if (this.#ends.length > MAX_KEPT) this.#ends.shift();
    this.#sendAfter(GATHER_MS);
  }

  /** Counts a request that was refused for a missing or wrong access key. Nothing else of it is kept. */
  addUnauthorized(): void {
    this.#unauthorized += 1;
    this.#sendAfter(GATHER_MS);
  }

  /** Sends the rest, and stops. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#sending;
    let isGone = true;
    while (isGone && this.#hasMore) isGone = await this.#sendNext();
    clearTimeout(this.#timer);
  }

  #sendAfter(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#sending = this.#send();
    }, ms);
  }

  async #send(): Promise<void> {
    this.#timer = undefined;
    const isGone = await this.#sendNext();
    if (this.#hasMore) this.#sendAfter(isGone ? 0 : RETRY_MS);
  }

  get #hasMore(): boolean {
    return this.#unconfirmed.length > 0 || this.#ends.length > 0 || this.#unauthorized > 0;
  }

  /** Sends one message. False: it has to be sent again. */
  async #sendNext(): Promise<boolean> {
    const batch = this.#unconfirmed.shift() ?? this.#nextBatch();
    if (batch === null) return true;
    try {
      await this.#kms.call('requests.record', batch);
    } catch (error) {
      if (KmsError.is(error, 'UNAVAILABLE')) {
        this.#unconfirmed.unshift(batch);
        return false;
      }
      this.#afterRefusal(batch, error);
    }
    return true;
  }

  /** Divides a refused message, until a row that the key service refuses is alone in its message. */
  #afterRefusal({ requests, unauthorized }: Batch, error: unknown): void {
    const [only] = requests;
    if (KmsError.is(error, 'INVALID_PARAMS') && requests.length > 1) {
      const middle = Math.ceil(requests.length / 2);
      const halves = [requests.slice(0, middle), requests.slice(middle)] as const;
      this.#unconfirmed.unshift(
        { batch: randomUUID(), requests: halves[0], unauthorized },
        { batch: randomUUID(), requests: halves[1], unauthorized: 0 },
      );
      return;
    }
    if (KmsError.is(error, 'INVALID_PARAMS') && requests.length > 0 && unauthorized > 0) {
      this.#unauthorized += unauthorized; // the count is not lost with a bad row
    }
    const fields = { requests: requests.length, requestId: only?.requestId, error };
    this.#logger.warning('requests could not be recorded', fields);
  }

  #nextBatch(): Batch | null {
    const requests = this.#ends.splice(0, MAX_RECORDED);
    const unauthorized = this.#unauthorized;
    this.#unauthorized = 0;
    if (requests.length === 0 && unauthorized === 0) return null;
    return { batch: randomUUID(), requests, unauthorized };
  }
}
