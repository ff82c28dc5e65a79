import { MINUTE_MS, DAY_MS } from '@openrouter-proxy/runtime';
import type { Cause, KeyMetadata, KeyState, Outcome } from '@openrouter-proxy/kms-protocol';
import {
  LONGEST_COOLDOWN_MS,
  cooldownEnd,
  type CooldownEnd,
  type CooldownPolicy,
  type LimitOutcome,
} from '../limits/cooldown.ts';
import { withMetadata } from './key-check-result.ts';
import { disabled, MANAGEMENT_KEY, type KeyRecord } from './key-record.ts';
import { isGuess } from '../limits/limit.ts';

/** The cooldown after a first 401, which may be OpenRouter's own fault. */
export const STRIKE_COOLDOWN_MS = MINUTE_MS;

/**
 * The allowance of a half-open key doubles with each confirmed probe. Above this it is available.
 */
const FULL_ALLOWANCE = 8;

/** The longest cooldown by an operator, as in the contract. */
const LONGEST_OPERATOR_COOLDOWN_MS = 366 * DAY_MS;

/** A command of an operator. */
export type KeyCommand =
  | { readonly kind: 'disable'; readonly reason: string }
  | { readonly kind: 'enable' }
  | { readonly kind: 'cool'; readonly forMs: number; readonly reason: string }
  | { readonly kind: 'uncool' };

/** An event of a key: the result of a lease of some generation, a key check, or a command. */
export type KeyEvent =
  | { readonly kind: 'reported'; readonly outcome: Outcome; readonly generation: number }
  /** OpenRouter accepted a probe. */
  | { readonly kind: 'confirmed'; readonly generation: number }
  /** Several models are rate limited on the key: the limit is the key's. */
  | {
      readonly kind: 'limited';
      readonly outcome: LimitOutcome;
      readonly generation: number;
    }
  /** The key was rejected for a reason that is not its own. */
  | { readonly kind: 'strikes-cleared' }
  /** `GET /key` accepted the key, or rejected it. */
  | { readonly kind: 'checked'; readonly metadata: KeyMetadata; readonly account: string | null }
  | { readonly kind: 'rejected'; readonly detail: string }
  | KeyCommand;

/**
 * The record at `now`, without a cooldown that is over. After the clock was set back, a cooldown
 * never lasts longer than at its start. Returns the same object if nothing has changed.
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
  if (state.until <= now) return returned(state);
  if (state.since <= now) return state;
  return { ...state, since: now, until: state.until - (state.since - now) };
}

/** After a guessed cooldown, the key is half-open: one probe request at a time. */
function returned({ until, cause }: Extract<KeyState, { kind: 'cooling' }>): KeyState {
  if (!isGuess(cause)) return { kind: 'available', since: until };
  return { kind: 'returning', since: until, allowance: 1, cause };
}

/** A record from a store, with its cooldown cut to the longest allowed one. */
export function restored(record: KeyRecord, now: number): KeyRecord {
  const current = settled(record, now);
  const { state } = current;
  if (state.kind !== 'cooling') return current;
  const isOperators = state.cause.source === 'operator';
  const longest = isOperators ? LONGEST_OPERATOR_COOLDOWN_MS : LONGEST_COOLDOWN_MS;
  return { ...current, state: { ...state, until: Math.min(state.until, now + longest) } };
}

/**
 * The only function that changes a key's record. Returns `settled(record, now)` if the event
 * changes nothing.
 */
export function transition(
  record: KeyRecord,
  event: KeyEvent,
  now: number,
  policy: CooldownPolicy,
): KeyRecord {
  const current = settled(record, now);
  switch (event.kind) {
    case 'reported':
      return concerns(current, event) ? reported(current, event.outcome, now, policy) : current;
    case 'confirmed':
      return concerns(current, event) ? confirmed(current, now) : current;
    case 'limited':
      return concerns(current, event) ? limited(current, event.outcome, now, policy) : current;
    case 'strikes-cleared':
      return strikesCleared(current, now);
    case 'checked':
      return withMetadata(current, event.metadata, event.account, now);
    case 'rejected':
      return disabled(
        current,
        { reason: 'unauthorized', source: 'inspection', detail: event.detail },
        now,
      );
    default:
      return commanded(current, event, now);
  }
}

/** Whether the result of a lease still applies to the key. */
const concerns = ({ state, generation }: KeyRecord, event: { readonly generation: number }) =>
  event.generation === generation && state.kind !== 'disabled';

function reported(
  record: KeyRecord,
  outcome: Outcome,
  now: number,
  policy: CooldownPolicy,
): KeyRecord {
  if (outcome.kind === 'unauthorized') return strikeAdded(record, outcome.detail, now);
  if (outcome.kind === 'success') {
    return record.strikeUntil === null ? record : { ...record, strikeUntil: null };
  }
  if (outcome.kind !== 'key_limit_reached') return record;
  return limited(record, outcome, now, policy);
}

function limited(
  record: KeyRecord,
  outcome: LimitOutcome,
  now: number,
  policy: CooldownPolicy,
): KeyRecord {
  const { kind, detail } = outcome;
  const end = cooldownEnd(outcome, now, policy, record.traits.limitReset);
  return cooled(record, { kind, detail }, end, now);
}

function confirmed(record: KeyRecord, now: number): KeyRecord {
  const { state } = record;
  if (state.kind !== 'returning') return record;
  const allowance = state.allowance * 2;
  if (allowance > FULL_ALLOWANCE) return { ...record, state: { kind: 'available', since: now } };
  return { ...record, state: { ...state, allowance } };
}

/** Clears a strike. */
function strikesCleared(record: KeyRecord, now: number): KeyRecord {
  const { state } = record;
  const isStruck = state.kind === 'cooling' && state.cause.source === 'strike';
  const after: KeyState = isStruck ? { kind: 'available', since: now } : state;
  return { ...record, state: after, strikeUntil: null };
}

/** Starts a cooldown, unless a longer one is running: reports never shorten it. */
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

/** Adds a strike for a 401: the first starts a cooldown, a second after that disables the key. */
function strikeAdded(record: KeyRecord, detail: string, now: number): KeyRecord {
  const { strikeUntil } = record;
  if (strikeUntil === null) {
    const until = now + STRIKE_COOLDOWN_MS;
    const end: CooldownEnd = { until, source: 'strike' };
    return cooled({ ...record, strikeUntil: until }, { kind: 'unauthorized', detail }, end, now);
  }
  if (now < strikeUntil) return record; // its lease was given before the first strike
  return disabled(record, { reason: 'unauthorized', source: 'strike', detail }, now);
}

function commanded(record: KeyRecord, command: KeyCommand, now: number): KeyRecord {
  const state = commandedState(record, command, now);
  const strikeUntil = state.kind === 'available' ? null : record.strikeUntil;
  return { ...record, state, generation: record.generation + 1, strikeUntil };
}

function commandedState({ state, traits }: KeyRecord, command: KeyCommand, now: number): KeyState {
  switch (command.kind) {
    case 'disable':
      return { kind: 'disabled', since: now, cause: byOperator(command.reason) };
    case 'enable':
      if (traits.isManagement) return { kind: 'disabled', since: now, cause: MANAGEMENT_KEY };
      return state.kind === 'disabled' ? { kind: 'available', since: now } : state;
    case 'cool': {
      if (state.kind === 'disabled') return state;
      const until = now + command.forMs;
      return { kind: 'cooling', since: now, until, cause: byOperator(command.reason) };
    }
    case 'uncool':
      return state.kind === 'cooling' || state.kind === 'returning'
        ? { kind: 'available', since: now }
        : state;
  }
}

const byOperator = (reason: string): Cause => ({
  reason: 'operator',
  source: 'operator',
  detail: reason,
});
