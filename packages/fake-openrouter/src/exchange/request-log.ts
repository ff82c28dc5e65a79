import { EventEmitter } from 'node:events';

const MAX_RECORDS = 10_000;
const MAX_BODY = 64 * 1024;

/** What the fake saw of a request, and how it ended. */
export interface RequestRecord {
  method: string;
  /** As it stood on the request line. */
  url: string;
  /** Names and values in turn, as they came. */
  rawHeaders: string[];
  /** At most 64 KiB of it. */
  body: string;
  bodyBytes: number;
  /** The name of the key, if it was one of the fake's. */
  key: string | null;
  model: string | null;
  startedAt: number;
  endedAt: number | null;
  status: number | null;
  /** Events of a stream that were sent. */
  events: number;
  /** The client went away before the end, at this time. */
  abortedAt: number | null;
  /** What was charged for it; null: nothing. */
  billed: { sent: number; received: number; cost: number } | null;
  complete: boolean;
}

/** The last requests, oldest first. */
export class RequestLog {
  readonly records: RequestRecord[] = [];
  /** All that were ever answered: how many, by key and status. */
  readonly counts: Record<string, Record<number, number>> = {};
  readonly #changes = new EventEmitter().setMaxListeners(0);

  add(record: RequestRecord): void {
    this.records.push(record);
    if (this.records.length > MAX_RECORDS) this.records.shift();
    this.changed();
  }

  /** Counts an answer that has begun. */
  answered({ key }: RequestRecord, status: number): void {
    const counts = (this.counts[key ?? 'none'] ??= {});
    counts[status] = (counts[status] ?? 0) + 1;
  }

  /** Tells whoever waits that a record has changed. */
  changed(): void {
    this.#changes.emit('change');
  }

  clear(): void {
    this.records.length = 0;
  }

  /** Resolves with the first record, past or to come, that fits. */
  async waitFor(
    fits: (record: RequestRecord) => boolean,
    timeoutMs = 120_000,
  ): Promise<RequestRecord> {
    const found = Promise.withResolvers<RequestRecord>();
    const look = () => {
      const record = this.records.find(fits);
      if (record !== undefined) found.resolve(record);
    };
    const timer = setTimeout(() => found.reject(new Error('no such request was seen')), timeoutMs);
    this.#changes.on('change', look);
    look();
    try {
      return await found.promise;
    } finally {
      clearTimeout(timer);
      this.#changes.off('change', look);
    }
  }

  static bounded(body: Buffer): string {
    return body.subarray(0, MAX_BODY).toString('utf8');
  }
}
