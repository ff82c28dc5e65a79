import type { Writable } from 'node:stream';
import type { MetricFamily } from '@openrouter-proxy/kms-protocol';
import type { Snapshot, ViewQuery } from '@openrouter-proxy/dashboard';
import type { Logger } from '@openrouter-proxy/runtime';

const SNAPSHOT_EVERY_MS = 1_000;
/** All metrics come with every tenth snapshot. */
const METRICS_EVERY = 10;
/** Who looks on at once. */
const MAX_VIEWERS = 50;

/** What viewers are shown. */
export interface LiveFeedDeps {
  /** A snapshot for each query. */
  readonly snapshots: (queries: readonly ViewQuery[]) => Promise<Snapshot[]>;
  readonly metrics: () => Promise<MetricFamily[]>;
  readonly logger: Logger;
}

const event = (name: string, data: unknown) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

/**
 * Shows every viewer the snapshot of its query, once a second (HTML standard, "Server-sent events").
 * Viewers with the same query share one snapshot. Nothing is taken while nobody looks.
 */
export class LiveFeed {
  readonly #parts: LiveFeedDeps;
  readonly #viewers = new Map<Writable, ViewQuery>();
  #timer: NodeJS.Timeout | undefined;
  #turn = 0;

  constructor(parts: LiveFeedDeps) {
    this.#parts = parts;
  }

  /** Whether there is room for one more. */
  get hasRoom(): boolean {
    return this.#viewers.size < MAX_VIEWERS;
  }

  /** Writes everything from now on to a client whose head has been sent, until it goes. */
  add(viewer: Writable, query: ViewQuery): void {
    this.#viewers.set(viewer, query);
    viewer.once('close', () => this.#viewers.delete(viewer));
    this.#timer ??= setTimeout(() => void this.#show(), 0);
  }

  /** Ends every view. */
  stop(): void {
    clearTimeout(this.#timer);
    for (const viewer of this.#viewers.keys()) viewer.end();
    this.#viewers.clear();
  }

  async #show(): Promise<void> {
    const startedAt = performance.now();
    try {
      const groups = Map.groupBy([...this.#viewers], ([, query]) => JSON.stringify(query));
      const queries = [...groups.values()].flatMap(([first]) => (first ? [first[1]] : []));
      const snapshots = await this.#parts.snapshots(queries);
      const isMetricsTurn = this.#turn % METRICS_EVERY === 0;
      const metrics = isMetricsTurn ? event('metrics', await this.#parts.metrics()) : '';
      this.#turn += 1;
      for (const [index, viewers] of [...groups.values()].entries()) {
        const text = event('snapshot', snapshots[index]) + metrics;
        // Who has not read what was sent before is not sent more.
        for (const [viewer] of viewers) if (!viewer.writableNeedDrain) viewer.write(text);
      }
    } catch (error) {
      this.#parts.logger.error('the dashboard could not be brought up to date', { error });
    }
    this.#timer = undefined;
    if (this.#viewers.size === 0) return;
    const pause = Math.max(0, SNAPSHOT_EVERY_MS - (performance.now() - startedAt));
    this.#timer = setTimeout(() => void this.#show(), pause);
  }
}
