import { healthLevelOf, type Health, type InstantInWords } from '@openrouter-proxy/kms-protocol';
import type { Clock, Logger } from '@openrouter-proxy/runtime';
import type { KeyPool, PoolStatus } from '../pool/key-pool.ts';
import type { Traffic } from '../accounting/traffic.ts';
import { HealthLog } from '../health/health-log.ts';
import { healthCauses, type StoreTrouble } from '../health/causes.ts';

/** Requests of this time are judged: short enough that what is over is soon forgotten. */
const TRAFFIC_MS = 120_000;
/** How often the log is told what is wrong. */
const WATCH_EVERY_MS = 1_000;

/** What the health of the service is told from. */
export interface ServiceHealthDeps {
  readonly pool: Pick<KeyPool, 'status' | 'health' | 'lastAnswerAt'>;
  readonly traffic: Pick<Traffic, 'recent'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How the log writes an instant. */
  readonly instantInWords: InstantInWords;
}

/** Tells how the pool is and what is wrong with the service; the log learns of it until it is disposed of. */
export class ServiceHealth implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #watching: Promise<void>;
  readonly #deps: ServiceHealthDeps;
  readonly #startedAt: number;
  #storeTrouble: StoreTrouble | null = null;

  constructor(deps: ServiceHealthDeps) {
    this.#deps = deps;
    this.#startedAt = deps.clock.now();
    this.#watching = this.#watch(this.#stop.signal);
  }

  /** Tells the log no more. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    return this.#watching;
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { clock, logger, instantInWords } = this.#deps;
    const log = new HealthLog(logger, this.#startedAt, instantInWords);
    while (!signal.aborted) {
      try {
        const { health } = await this.look();
        log.note(health.causes, clock.now());
      } catch (error) {
        logger.error('the health of the key service could not be told', { error });
      }
      await clock.sleep(WATCH_EVERY_MS, signal).catch(() => undefined); // stopped
    }
  }

  /** How all of it is now. Tries to save what could not be saved before. */
  async look(): Promise<PoolStatus & { readonly health: Health }> {
    const { pool, traffic, clock } = this.#deps;
    const status = await pool.status();
    const now = clock.now();
    this.#storeTrouble = storeTrouble(status.store, this.#storeTrouble, now);
    const causes = healthCauses({
      ...pool.health(),
      startedAt: this.#startedAt,
      store: this.#storeTrouble,
      traffic: traffic.recent(TRAFFIC_MS, now),
    });
    const { lastAnswerAt } = pool;
    return { ...status, health: { level: healthLevelOf(causes), causes, lastAnswerAt } };
  }
}

function storeTrouble(
  { backend, healthy, trouble }: PoolStatus['store'],
  before: StoreTrouble | null,
  now: number,
): StoreTrouble | null {
  if (healthy) return null;
  const kind = backend === 'redis' ? 'store_away' : 'store_unwritable';
  return { kind, since: before?.since ?? now, detail: trouble ?? '' };
}
