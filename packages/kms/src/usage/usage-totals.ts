import { DAY_MS } from '@openrouter-proxy/runtime';
import type {
  Outcome,
  Usage,
  UsageDimension,
  UsageRow,
  UsageScope,
  UsageTotals as Totals,
} from '@openrouter-proxy/kms-protocol';
import { plus, totalsOf } from './usage-columns.ts';
import type { UsageFile, UsageSubject } from './usage-file.ts';
import type { PoolUsage } from './pool-usage.ts';

/** The longest delay before totals are saved. */
const KEEP_AFTER_MS = 250;
/** Totals older than this are deleted. */
const FORGET_AFTER_DAYS = 400;
/** The most rows waiting to be saved. Further usage is counted without its model. */
const MAX_PENDING = 10_000;

/** The name of an unknown model or client. */
const NOT_KNOWN = '';

/** The user of a key. */
export interface UsedBy {
  readonly keyId: string;
  readonly model: string | null;
  readonly client: string | null;
}

/**
 * Counted as answered: successes and a client's own mistakes. A cancelled request is neither
 * answered nor failed.
 */
const ANSWERS: readonly Outcome['kind'][] = ['success', 'caller_error'];
const NO_FAILURES: readonly Outcome['kind'][] = [...ANSWERS, 'client_abort'];

/** The figures of one attempt. Unknown usage (null) is counted as unknown, and not estimated. */
function contribution({ kind }: Outcome, usage: Usage | null | undefined): Totals {
  return {
    ...NOTHING,
    answered: ANSWERS.includes(kind) ? 1 : 0,
    failed: NO_FAILURES.includes(kind) ? 0 : 1,
    unknown: usage === null ? 1 : 0,
    ...usage,
  };
}

/** The UTC day of an instant. */
export function dayOf(instant: number): string {
  return new Date(instant).toISOString().slice(0, 10);
}

const NOTHING: Totals = totalsOf(() => 0);

function sum(a: Totals, b: Totals): Totals {
  return totalsOf((name) => plus(a[name], b[name]));
}

/** The usage by key, model, client and day. Kept across restarts, except for the last seconds. */
export class UsageTotals {
  readonly #file: UsageFile;
  readonly #onFailed: (error: unknown) => void;
  #pending = new Map<string, [UsageSubject, Totals]>();
  readonly #changedDays = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #isFailing = false;
  #day = '';
  /** Totals of the day `#day`. */
  #ofKeys = new Map<string, Totals>();
  #models = new Set<string>();

  constructor(file: UsageFile, now: number, onFailed: (error: unknown) => void) {
    this.#file = file;
    this.#onFailed = onFailed;
    this.#begin(dayOf(now));
  }

  /** Counts an attempt. */
  add(by: UsedBy, outcome: Outcome, usage: Usage | null | undefined, now: number): void {
    if (outcome.kind === 'unused') return;
    const day = dayOf(now);
    if (day !== this.#day) this.#begin(day);
    const added = contribution(outcome, usage);
    this.#ofKeys.set(by.keyId, sum(this.today(by.keyId, now), added));
    const subject = {
      day,
      keyId: by.keyId,
      model: this.#nameOf(by.model, outcome),
      client: by.client ?? NOT_KNOWN,
    };
    const id = JSON.stringify([day, subject.keyId, subject.model, subject.client]);
    const known = this.#pending.get(id);
    this.#pending.set(id, [subject, known === undefined ? added : sum(known[1], added)]);
    this.#timer ??= setTimeout(() => this.flush(), KEEP_AFTER_MS).unref();
  }

  /** The totals of a key on the UTC day of `now`. */
  today(keyId: string, now: number): Totals {
    return (dayOf(now) === this.#day ? this.#ofKeys.get(keyId) : undefined) ?? NOTHING;
  }

  /** The totals since a UTC day, grouped by one dimension. */
  query(since: number, by: UsageDimension, of: UsageScope = 'machine'): UsageRow[] {
    this.flush();
    return this.#file.query(dayOf(since), by, of);
  }

  /** The number of other machines with usage since a UTC day. */
  otherMachines(since: number): number {
    return this.#file.pool.otherMachines(dayOf(since));
  }

  /** The usage of the whole pool. */
  get pool(): PoolUsage {
    return this.#file.pool;
  }

  /** The days whose totals have changed since the last call. */
  takeChangedDays(): string[] {
    this.flush();
    const days = [...this.#changedDays];
    this.#changedDays.clear();
    return days;
  }

  /** Saves pending totals. Failed saves are retried later. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#pending.size === 0) return;
    try {
      this.#file.add([...this.#pending.values()]);
      for (const [{ day }] of this.#pending.values()) this.#changedDays.add(day);
      this.#pending.clear();
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#onFailed(error);
      this.#isFailing = true;
    }
  }

  /** Only models that OpenRouter has answered get totals: a client may send any name. */
  #nameOf(model: string | null, outcome: Outcome): string {
    if (model === null || this.#pending.size >= MAX_PENDING) return NOT_KNOWN;
    if (outcome.kind === 'success') this.#models.add(model);
    return this.#models.has(model) ? model : NOT_KNOWN;
  }

  #begin(day: string): void {
    this.flush();
    this.#day = day;
    this.#models = new Set(this.#file.models(day));
    this.#ofKeys = new Map(
      this.#file.query(day, 'key', 'machine').map(({ name, ...totals }) => [name, totals]),
    );
    this.#file.forgetBefore(dayOf(Date.parse(day) - FORGET_AFTER_DAYS * DAY_MS));
  }
}
