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

/** How late totals may be kept. */
const KEEP_AFTER_MS = 250;
/** Totals older than this are forgotten. */
const FORGET_AFTER_DAYS = 400;
/** How many rows may wait to be kept; further ones are added up without their model. */
const MAX_PENDING = 10_000;

/** Stands where the model or the client is not known. */
const NOT_KNOWN = '';

/** Whose use it was. */
export interface UsedBy {
  readonly keyId: string;
  readonly model: string | null;
  readonly client: string | null;
}

/** Of a caller's mistake OpenRouter has said all there is to say; of an answer given up nobody can say more. */
const ANSWERS: readonly Outcome['kind'][] = ['success', 'caller_error'];
const NO_FAILURES: readonly Outcome['kind'][] = [...ANSWERS, 'client_abort'];

/** What an attempt adds to the totals. What it used and nobody knows (null) is counted, never guessed. */
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

/** What was used by whom on which day. Kept across restarts, save for the last moments. */
export class UsageTotals {
  readonly #file: UsageFile;
  readonly #onFailed: (error: unknown) => void;
  #pending = new Map<string, [UsageSubject, Totals]>();
  readonly #changedDays = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #isFailing = false;
  #day = '';
  /** Of the day `#day`. */
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

  /** What a key did on the UTC day of `now`. */
  today(keyId: string, now: number): Totals {
    return (dayOf(now) === this.#day ? this.#ofKeys.get(keyId) : undefined) ?? NOTHING;
  }

  /** The totals since the UTC day of an instant, told apart by one dimension. */
  query(since: number, by: UsageDimension, of: UsageScope = 'machine'): UsageRow[] {
    this.flush();
    return this.#file.query(dayOf(since), by, of);
  }

  /** How many other machines used something since the UTC day of an instant. */
  otherMachines(since: number): number {
    return this.#file.pool.otherMachines(dayOf(since));
  }

  /** What the machines of a pool tell each other. */
  get pool(): PoolUsage {
    return this.#file.pool;
  }

  /** The days whose totals have changed since this was asked last. */
  takeChangedDays(): string[] {
    this.flush();
    const days = [...this.#changedDays];
    this.#changedDays.clear();
    return days;
  }

  /** Keeps what has not been kept yet. What cannot be is tried again later. */
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

  /** Only OpenRouter's own models have totals: a client may ask for any name. */
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
