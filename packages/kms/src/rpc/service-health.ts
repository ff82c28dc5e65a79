import { healthLevelOf, type Health, type InstantInWords } from '@openrouter-proxy/kms-protocol';
import type { Clock, Logger } from '@openrouter-proxy/runtime';
import type { KeyPool, PoolStatus } from '../pool/key-pool.ts';
import type { Traffic } from '../accounting/traffic.ts';
import { HealthLog } from '../health/health-log.ts';
import { healthCauses, type StoreTrouble } from '../health/causes.ts';

/** The window of judged requests: short, so that an ended failure is soon forgotten. */
const TRAFFIC_MS = 120_000;
/** The interval of the health log. */
const WATCH_EVERY_MS = 1_000;

/** Collaborators of ServiceHealth. */
export interface ServiceHealthDeps {
  readonly pool: Pick<KeyPool, 'status' | 'health' | 'lastAnswerAt'>;
  readonly traffic: Pick<Traffic, 'recent'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Formats an instant for the log. */
  readonly instantInWords: InstantInWords;
}

/** Judges the health of the service, and logs its changes until it is disposed of. */
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

  /** Stops logging. */
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
        logger.error('the health of the key service could not be determined', { error });
      }
      await clock.sleep(WATCH_EVERY_MS, signal).catch(() => undefined); // stopped
    }
  }

  /** The current figures and health. Retries failed saves. */
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
