import { randomUUID } from 'node:crypto';
import {
  KmsError,
  MAX_RECORDED,
  type KmsClient,
  type RequestEnd,
} from '@openrouter-proxy/kms-protocol';
import type { Logger } from '@openrouter-proxy/runtime';

/** How long requests that are over are gathered before the key service is told of them. */
const GATHER_MS = 200;
/** While the key service does not answer, the latest are kept. */
const MAX_KEPT = 5_000;
const RETRY_MS = 1_000;

/** What one message tells. It keeps its name when it is sent again, so that it counts once. */
interface Batch {
  readonly batch: string;
  readonly requests: RequestEnd[];
  readonly unauthorized: number;
}

/** Tells the key service of requests that are over, many at once: nobody waits for that. */
export class RequestRecorder {
  readonly #kms: KmsClient;
  readonly #logger: Logger;
  #ends: RequestEnd[] = [];
  #unauthorized = 0;
  /** Sent, and not known to have arrived. */
  #unconfirmed: Batch | null = null;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;

  constructor(kms: KmsClient, logger: Logger) {
    this.#kms = kms;
    this.#logger = logger;
  }

  add(end: RequestEnd): void {
    this.#ends.push(end);
    if (this.#ends.length > MAX_KEPT) this.#ends.shift();
    this.#sendAfter(GATHER_MS);
  }

  /** Counts a request that was refused for a missing or wrong access key: strangers' requests are only counted. */
  addUnauthorized(): void {
    this.#unauthorized += 1;
    this.#sendAfter(GATHER_MS);
  }

  /** Tells what there is to tell, once more. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#sending;
    do await this.#send();
    while (this.#unconfirmed === null && this.#ends.length > 0);
    clearTimeout(this.#timer);
  }

  #sendAfter(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#sending = this.#send();
    }, ms);
  }

  async #send(): Promise<void> {
    this.#timer = undefined;
    this.#unconfirmed ??= this.#nextBatch();
    const batch = this.#unconfirmed;
    if (batch === null) return;
    try {
      await this.#kms.call('requests.record', batch);
    } catch (error) {
      if (KmsError.is(error, 'UNAVAILABLE')) {
        this.#sendAfter(RETRY_MS);
        return;
      }
      const requests = batch.requests.length;
      this.#logger.warning('requests could not be recorded', { requests, error });
    }
    this.#unconfirmed = null;
    if (this.#ends.length > 0) this.#sendAfter(0);
  }

  #nextBatch(): Batch | null {
    const requests = this.#ends.splice(0, MAX_RECORDED);
    const unauthorized = this.#unauthorized;
    this.#unauthorized = 0;
    if (requests.length === 0 && unauthorized === 0) return null;
    return { batch: randomUUID(), requests, unauthorized };
  }
}
