import type { Cause, KeyState, Outcome } from '@openrouter-proxy/kms-protocol';
import {
  DAY,
  LONGEST_COOLDOWN_MS,
  cooldownEnd,
  cools,
  type CooldownEnd,
  type CooldownPolicy,
} from './cooldown.ts';

/** How long a key rests that was refused with 401 once: one refusal may be OpenRouter's own fault. */
export const STRIKE_COOLDOWN_MS = 60_000;

/** The longest an operator may cool a key, as the contract has it. */
const LONGEST_OPERATOR_COOLDOWN_MS = 366 * DAY;

/** What is known of a key, and kept across restarts. */
export interface KeyRecord {
  /** As it was when it last changed; `settled` says what has become of it. */
  readonly state: KeyState;
  /** Grows with every command: what came of a lease given before says nothing about the key after. */
  readonly generation: number;
  /** Set by a first 401: until then others tell of the same refusal. Null: no 401 since a success. */
  readonly strikeUntil: number | null;
}

/** What an operator may say about a key. */
export type KeyCommand =
  | { readonly kind: 'disable'; readonly reason: string }
  | { readonly kind: 'enable' }
  | { readonly kind: 'cool'; readonly forMs: number; readonly reason: string }
  | { readonly kind: 'uncool' };

/** What can happen to a key: an outcome of a lease of some generation, or a command. */
export type KeyEvent =
  | { readonly kind: 'reported'; readonly outcome: Outcome; readonly generation: number }
  | KeyCommand;

/** The record of a key nothing is known about. */
export function newRecord(now: number): KeyRecord {
  return { state: { kind: 'available', since: now }, generation: 0, strikeUntil: null };
}

/**
 * The record as it stands at `now`: a cooldown that has ended is over, and after the clock was set
 * back one has never more left than it had when it began. The same object if nothing has changed.
 */
export function settled(record: KeyRecord, now: number): KeyRecord {
  const state = settledState(record.state, now);
  const strikeUntil =
    record.strikeUntil === null ? null : Math.min(record.strikeUntil, now + STRIKE_COOLDOWN_MS);
  if (state === record.state && strikeUntil === record.strikeUntil) return record;
  return { ...record, state, strikeUntil };
}

function settledState(state: KeyState, now: number): KeyState {
  if (state.kind !== 'cooling') return state;
  if (state.until <= now) return { kind: 'available', since: state.until };
  if (state.since <= now) return state;
  return { ...state, since: now, until: state.until - (state.since - now) };
}

/** A record read from a store, in which no cooldown may be longer than any that can be given. */
export function restored(record: KeyRecord, now: number): KeyRecord {
  const current = settled(record, now);
  const { state } = current;
  if (state.kind !== 'cooling') return current;
  const isOperators = state.cause.source === 'operator';
  const longest = isOperators ? LONGEST_OPERATOR_COOLDOWN_MS : LONGEST_COOLDOWN_MS;
  return { ...current, state: { ...state, until: Math.min(state.until, now + longest) } };
}

/**
 * The one door through which a key's record changes. Returns `settled(record, now)` itself when the
 * event changes nothing.
 */
export function transition(
  record: KeyRecord,
  event: KeyEvent,
  now: number,
  policy: CooldownPolicy,
): KeyRecord {
  const current = settled(record, now);
  if (event.kind !== 'reported') return commanded(current, event, now);
  if (event.generation !== current.generation || current.state.kind === 'disabled') return current;
  const { outcome } = event;
  if (outcome.kind === 'unauthorized') return struck(current, outcome.detail, now);
  if (outcome.kind === 'success') {
    return current.strikeUntil === null ? current : { ...current, strikeUntil: null };
  }
  if (!cools(outcome)) return current;
  return cooled(current, outcome, cooldownEnd(outcome, now, policy), now);
}

/** Sets the key aside, unless it already is for at least as long: reports never shorten a cooldown. */
function cooled(
  record: KeyRecord,
  { kind, detail }: { kind: string; detail: string },
  { until, source }: CooldownEnd,
  now: number,
): KeyRecord {
  const { state } = record;
  if (state.kind === 'cooling' && state.until >= until) return record;
  const cause: Cause = { reason: kind, source, detail };
  return { ...record, state: { kind: 'cooling', since: now, until, cause } };
}

/** A 401: the first cools the key, one that follows after that disables it. */
function struck(record: KeyRecord, detail: string, now: number): KeyRecord {
  const { strikeUntil } = record;
  if (strikeUntil === null) {
    const until = now + STRIKE_COOLDOWN_MS;
    const end: CooldownEnd = { until, source: 'strike' };
    return cooled({ ...record, strikeUntil: until }, { kind: 'unauthorized', detail }, end, now);
  }
  if (now < strikeUntil) return record; // of a lease given before the first
  const cause: Cause = { reason: 'unauthorized', source: 'strike', detail };
  return { ...record, state: { kind: 'disabled', since: now, cause } };
}

function commanded(record: KeyRecord, command: KeyCommand, now: number): KeyRecord {
  const state = commandedState(record.state, command, now);
  const strikeUntil = state.kind === 'available' ? null : record.strikeUntil;
  return { state, generation: record.generation + 1, strikeUntil };
}

function commandedState(state: KeyState, command: KeyCommand, now: number): KeyState {
  switch (command.kind) {
    case 'disable':
      return { kind: 'disabled', since: now, cause: byOperator(command.reason) };
    case 'enable':
      return state.kind === 'disabled' ? { kind: 'available', since: now } : state;
    case 'cool': {
      if (state.kind === 'disabled') return state;
      const until = now + command.forMs;
      return { kind: 'cooling', since: now, until, cause: byOperator(command.reason) };
    }
    case 'uncool':
      return state.kind === 'cooling' ? { kind: 'available', since: now } : state;
  }
}

const byOperator = (reason: string): Cause => ({
  reason: 'operator',
  source: 'operator',
  detail: reason,
});
