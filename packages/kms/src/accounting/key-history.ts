import { HOUR_MS } from '@openrouter-proxy/runtime';
import type { KeyLane, KeySpan } from '@openrouter-proxy/kms-protocol';
import { statusesFrom, type StatusPeriod, type KeyStatus } from './key-status.ts';

/** The age and number of remembered periods of a key. */
const MAX_AGE_MS = 12 * HOUR_MS;
const MAX_SPANS = 200;
/** The most keys with a history. */
const MAX_KEYS = 1_000;
/** The most limits of one key. The one that ends first is forgotten first. */
const MAX_LIMITS = 32;

interface Lane {
  state: StatusPeriod;
  contact: StatusPeriod | null;
  /** By subject. */
  readonly limits: Map<string, StatusPeriod>;
  /** The last change of the state or a limit. */
  changedAt: number;
  /** The oldest first. Future periods follow from the ends of the state and the limits. */
  statuses: KeyStatus[];
}

/** The status of each key over the last hours. */
export class KeyHistory {
  readonly #lanes = new Map<string, Lane>();

  /** Whether a key has a history. */
  knows(keyId: string): boolean {
    return this.#lanes.has(keyId);
  }

  /** Starts the history of a key with its state and its limits by subject. */
  begin(keyId: string, state: StatusPeriod, limits: ReadonlyMap<string, StatusPeriod>): void {
    if (this.#lanes.size >= MAX_KEYS) return;
    const begins = state.kind === 'serving' ? [...limits.values()].map(({ from }) => from) : [];
    const from = Math.min(state.from, ...begins);
    const lane: Lane = {
      state,
      contact: null,
      limits: new Map(limits),
      changedAt: from,
      statuses: [],
    };
    this.#lanes.set(keyId, lane);
    change(lane, from);
  }

  /** Sets the key's own state. */
  setState(keyId: string, state: StatusPeriod, now: number): void {
    const lane = this.#lanes.get(keyId);
    if (lane === undefined) {
      this.begin(keyId, state, new Map());
      return;
    }
    lane.state = state;
    // The end of a cooldown is noticed late; other changes happen now.
    change(lane, state.from >= lane.changedAt && state.from <= now ? state.from : now);
  }

  /** Sets or clears (null) the last contact's verdict against the key. */
  setContact(keyId: string, contact: StatusPeriod | null, now: number): void {
    const lane = this.#lanes.get(keyId);
    if (lane === undefined) return;
    lane.contact = contact;
    change(lane, now);
  }

  /** Sets a limit. */
  setLimit(keyId: string, subject: string, limit: StatusPeriod, now: number): void {
    const lane = this.#lanes.get(keyId);
    if (lane === undefined) {
      const state: StatusPeriod = { kind: 'serving', from: limit.from, until: null, why: '' };
      this.begin(keyId, state, new Map([[subject, limit]]));
      return;
    }
    for (const [name, { until }] of lane.limits) {
      if ((until ?? Infinity) <= now) lane.limits.delete(name);
    }
    lane.limits.set(subject, limit);
    if (lane.limits.size > MAX_LIMITS) forgetFirstEnding(lane.limits);
    change(lane, now);
  }

  /** Removes a lifted limit. */
  lift(keyId: string, subject: string, now: number): void {
    const lane = this.#lanes.get(keyId);
    if (lane?.limits.delete(subject) === true) change(lane, now);
  }

  /** The current status of a key, since its kind last changed. Null if unknown. */
  statusOf(keyId: string, now: number): KeyStatus | null {
    const past = (this.#lanes.get(keyId)?.statuses ?? []).filter(({ from }) => from <= now);
    const current = past.at(-1);
    if (current === undefined) return null;
    const other = past.findLastIndex(({ kind }) => kind !== current.kind);
    return { ...current, from: past[other + 1]?.from ?? current.from };
  }

  /** The periods since an instant, for these keys. */
  lanes(keyIds: readonly string[], since: number, now: number): KeyLane[] {
    return keyIds.map((keyId) => ({
      keyId,
      spans: spansOf(this.#lanes.get(keyId)?.statuses ?? [], now)
        .filter(({ to }) => to === null || to > since)
        .slice(-MAX_SPANS),
    }));
  }
}

/** Computes the periods from a moment on. */
function change(lane: Lane, from: number): void {
  const { state, contact, limits, statuses } = lane;
  const kept = statuses.filter((each) => each.from < from);
  const [first, ...rest] = statusesFrom(from, { state, contact, limits: [...limits.values()] });
  const last = kept.at(-1);
  const goesOn = first !== undefined && last?.kind === first.kind && last.why === first.why;
  kept.push(...(first === undefined || goesOn ? [] : [first]), ...rest);
  while (kept.length > MAX_SPANS || (kept[1]?.from ?? Infinity) < from - MAX_AGE_MS) kept.shift();
  lane.statuses = kept;
  lane.changedAt = from;
}

function forgetFirstEnding(limits: Map<string, StatusPeriod>): void {
  let first: [subject: string, until: number] | undefined;
  for (const [subject, { until }] of limits) {
    const end = until ?? Infinity;
    if (first === undefined || end < first[1]) first = [subject, end];
  }
  if (first !== undefined) limits.delete(first[0]);
}

/** Each span ends where the next begins. The last has no end. */
function spansOf(statuses: readonly KeyStatus[], now: number): KeySpan[] {
  const past = statuses.filter(({ from }) => from <= now);
  return past.map(({ kind, from, why }, index) => ({
    ...{ kind, from, why: why.slice(0, 400) },
    to: past[index + 1]?.from ?? null,
  }));
}
