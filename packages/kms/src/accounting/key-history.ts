import { HOUR_MS } from '@openrouter-proxy/runtime';
import type { KeyLane, KeySpan } from '@openrouter-proxy/kms-protocol';
import { statusesFrom, type StatusPeriod, type KeyStatus } from './key-status.ts';

/** How far back it reaches, and how much of a key is remembered. */
const MAX_AGE_MS = 12 * HOUR_MS;
const MAX_SPANS = 200;
/** Of how many keys. */
const MAX_KEYS = 1_000;
/** Limits of one key; those that end first are forgotten first. */
const MAX_LIMITS = 32;

interface Lane {
  state: StatusPeriod;
  contact: StatusPeriod | null;
  /** By what they are about. */
  readonly limits: Map<string, StatusPeriod>;
  /** When the state or a limit changed last. */
  changedAt: number;
  /** The oldest first. Those that begin in the future follow from the state and the limits. */
  standings: KeyStatus[];
}

/** How the keys stood over the last hours. */
export class KeyHistory {
  readonly #lanes = new Map<string, Lane>();

  /** Whether anything is known of a key. */
  knows(keyId: string): boolean {
    return this.#lanes.has(keyId);
  }

  /** Begins the history of a key with its state and its limits, by what these are about. */
  begin(keyId: string, state: StatusPeriod, limits: ReadonlyMap<string, StatusPeriod>): void {
    if (this.#lanes.size >= MAX_KEYS) return;
    const begins = state.kind === 'serving' ? [...limits.values()].map(({ from }) => from) : [];
    const from = Math.min(state.from, ...begins);
    const lane: Lane = {
      state,
      contact: null,
      limits: new Map(limits),
      changedAt: from,
      standings: [],
    };
    this.#lanes.set(keyId, lane);
    change(lane, from);
  }

  /** The key's own state is another one. */
  setState(keyId: string, state: StatusPeriod, now: number): void {
    const lane = this.#lanes.get(keyId);
    if (lane === undefined) {
      this.begin(keyId, state, new Map());
      return;
    }
    lane.state = state;
    // A cooldown's end is noticed later than it was; other changes are news of this moment.
    change(lane, state.from >= lane.changedAt && state.from <= now ? state.from : now);
  }

  /** The last contact with OpenRouter speaks against the key, or no longer does (null). */
  setContact(keyId: string, contact: StatusPeriod | null, now: number): void {
    const lane = this.#lanes.get(keyId);
    if (lane === undefined) return;
    lane.contact = contact;
    change(lane, now);
  }

  /** A limit begins, or lasts longer than it did. */
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

  /** A limit is lifted before its end. */
  lift(keyId: string, subject: string, now: number): void {
    const lane = this.#lanes.get(keyId);
    if (lane?.limits.delete(subject) === true) change(lane, now);
  }

  /** How a key stands now, from when it began to stand so: for whatever reasons. Null: it is not known. */
  statusOf(keyId: string, now: number): KeyStatus | null {
    const past = (this.#lanes.get(keyId)?.standings ?? []).filter(({ from }) => from <= now);
    const current = past.at(-1);
    if (current === undefined) return null;
    const other = past.findLastIndex(({ kind }) => kind !== current.kind);
    return { ...current, from: past[other + 1]?.from ?? current.from };
  }

  /** The spans since an instant, of the keys that are asked for. */
  lanes(keyIds: readonly string[], since: number, now: number): KeyLane[] {
    return keyIds.map((keyId) => ({
      keyId,
      spans: spansOf(this.#lanes.get(keyId)?.standings ?? [], now)
        .filter(({ to }) => to === null || to > since)
        .slice(-MAX_SPANS),
    }));
  }
}

/** From a moment on the key stands as its state and its limits say. */
function change(lane: Lane, from: number): void {
  const { state, contact, limits, standings } = lane;
  const kept = standings.filter((each) => each.from < from);
  const [first, ...rest] = statusesFrom(from, { state, contact, limits: [...limits.values()] });
  const last = kept.at(-1);
  const goesOn = first !== undefined && last?.kind === first.kind && last.why === first.why;
  kept.push(...(first === undefined || goesOn ? [] : [first]), ...rest);
  while (kept.length > MAX_SPANS || (kept[1]?.from ?? Infinity) < from - MAX_AGE_MS) kept.shift();
  lane.standings = kept;
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

/** Each span lasts until the next begins; the one that goes on has no end. */
function spansOf(standings: readonly KeyStatus[], now: number): KeySpan[] {
  const past = standings.filter(({ from }) => from <= now);
  return past.map(({ kind, from, why }, index) => ({
    ...{ kind, from, why: why.slice(0, 400) },
    to: past[index + 1]?.from ?? null,
  }));
}
