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

/** Tells the key service of requests that are over, many at once: nobody waits for that. */
export class RequestRecorder {
  readonly #kms: KmsClient;
  readonly #logger: Logger;
  #ends: RequestEnd[] = [];
  #unauthorized = 0;
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
    await this.#send();
    clearTimeout(this.#timer);
  }

  #sendAfter(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#sending = this.#send();
    }, ms);
  }

  async #send(): Promise<void> {
    const requests = this.#ends.splice(0, MAX_RECORDED);
    const unauthorized = this.#unauthorized;
    this.#unauthorized = 0;
    this.#timer = undefined;
    if (requests.length === 0 && unauthorized === 0) return;
    try {
      await this.#kms.call('requests.record', { requests, unauthorized });
      if (this.#ends.length > 0) this.#sendAfter(0);
    } catch (error) {
      if (!KmsError.is(error, 'UNAVAILABLE')) {
        this.#logger.warning('requests could not be recorded', {
          requests: requests.length,
          error,
        });
        return;
      }
      this.#unauthorized += unauthorized;
      this.#ends = [...requests, ...this.#ends].slice(-MAX_KEPT);
      this.#sendAfter(RETRY_MS);
    }
  }
}
