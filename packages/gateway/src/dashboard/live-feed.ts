import type { Writable } from 'node:stream';
import type { MetricFamily } from '@openrouter-proxy/kms-protocol';
import type { Snapshot, ViewQuery } from '@openrouter-proxy/dashboard';
import type { Logger } from '@openrouter-proxy/runtime';

const SNAPSHOT_EVERY_MS = 1_000;
/** All metrics come with every tenth snapshot. */
const METRICS_EVERY = 10;
/** The most viewers at once. */
const MAX_VIEWERS = 50;

/** The sources of the live view. */
export interface LiveFeedDeps {
  /** A snapshot for each query. */
  readonly snapshots: (queries: readonly ViewQuery[]) => Promise<Snapshot[]>;
  readonly metrics: () => Promise<MetricFamily[]>;
  readonly logger: Logger;
}

const event = (name: string, data: unknown) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

/**
 * Sends every viewer the snapshot of its query, once a second (HTML standard, "Server-sent events").
 * Viewers with the same query share one snapshot. Without viewers, no snapshot is taken.
 */
export class LiveFeed {
  readonly #deps: LiveFeedDeps;
  readonly #viewers = new Map<Writable, ViewQuery>();
  #timer: NodeJS.Timeout | undefined;
  #turn = 0;

  constructor(deps: LiveFeedDeps) {
    this.#deps = deps;
  }

  /** Whether there is room for one more viewer. */
  get hasRoom(): boolean {
    return this.#viewers.size < MAX_VIEWERS;
  }

  /** Adds a viewer whose head has been sent. It gets snapshots until its connection closes. */
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
      const snapshots = await this.#deps.snapshots(queries);
      const isMetricsTurn = this.#turn % METRICS_EVERY === 0;
      const metrics = isMetricsTurn ? event('metrics', await this.#deps.metrics()) : '';
      this.#turn += 1;
      for (const [index, viewers] of [...groups.values()].entries()) {
        const text = event('snapshot', snapshots[index]) + metrics;
        // A viewer that has not read the last snapshot gets no further one.
        for (const [viewer] of viewers) if (!viewer.writableNeedDrain) viewer.write(text);
      }
    } catch (error) {
      this.#deps.logger.error('the live dashboard could not be updated', { error });
    }
    this.#timer = undefined;
    if (this.#viewers.size === 0) return;
    const pause = Math.max(0, SNAPSHOT_EVERY_MS - (performance.now() - startedAt));
    this.#timer = setTimeout(() => void this.#show(), pause);
  }
}
