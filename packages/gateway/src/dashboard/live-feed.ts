import type { Writable } from 'node:stream';
import type { MetricFamily } from '@openrouter-proxy/kms-protocol';
import type { Snapshot } from '@openrouter-proxy/dashboard';
import type { Logger } from '@openrouter-proxy/runtime';

const SNAPSHOT_EVERY_MS = 1_000;
/** All metrics come with every tenth snapshot. */
const METRICS_EVERY = 10;
/** Who looks on at once. */
const MAX_VIEWERS = 50;

/** What viewers are shown. */
export interface LiveFeedParts {
  readonly snapshot: () => Promise<Snapshot>;
  readonly metrics: () => Promise<MetricFamily[]>;
  readonly logger: Logger;
}

const event = (name: string, data: unknown) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

/** Shows everybody who looks the same, once a second (HTML standard, "Server-sent events"); nothing while nobody does. */
export class LiveFeed {
  readonly #parts: LiveFeedParts;
  readonly #viewers = new Set<Writable>();
  #timer: NodeJS.Timeout | undefined;
  #turn = 0;

  constructor(parts: LiveFeedParts) {
    this.#parts = parts;
  }

  /** Whether there is room for one more. */
  get hasRoom(): boolean {
    return this.#viewers.size < MAX_VIEWERS;
  }

  /** Writes everything from now on to a client whose head has been sent, until it goes. */
  add(viewer: Writable): void {
    this.#viewers.add(viewer);
    viewer.once('close', () => this.#viewers.delete(viewer));
    this.#timer ??= setTimeout(() => void this.#show(), 0);
  }

  /** Ends every view. */
  stop(): void {
    clearTimeout(this.#timer);
    for (const viewer of this.#viewers) viewer.end();
    this.#viewers.clear();
  }

  async #show(): Promise<void> {
    const startedAt = performance.now();
    try {
      const snapshot = event('snapshot', await this.#parts.snapshot());
      const isMetricsTurn = this.#turn % METRICS_EVERY === 0;
      const metrics = isMetricsTurn ? event('metrics', await this.#parts.metrics()) : '';
      this.#turn += 1;
      // Who has not read what was sent before is not sent more.
      for (const viewer of this.#viewers)
        if (!viewer.writableNeedDrain) viewer.write(snapshot + metrics);
    } catch (error) {
      this.#parts.logger.error('the dashboard could not be brought up to date', { error });
    }
    this.#timer = undefined;
    if (this.#viewers.size === 0) return;
    const pause = Math.max(0, SNAPSHOT_EVERY_MS - (performance.now() - startedAt));
    this.#timer = setTimeout(() => void this.#show(), pause);
  }
}
