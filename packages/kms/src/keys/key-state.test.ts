import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Outcome } from '@openrouter-proxy/kms-protocol';
import { DAY_MS } from '@openrouter-proxy/runtime';
import { LONGEST_COOLDOWN_MS } from '../limits/cooldown.ts';
import { newRecord, type KeyRecord } from './key-record.ts';
import {
  STRIKE_COOLDOWN_MS,
  restored,
  settled,
  transition,
  type KeyCommand,
  type KeyEvent,
} from './key-state.ts';

const T = Date.UTC(2026, 9, 2, 12);
const POLICY = { rateLimitCooldownMs: 3_600_000 };
const FRESH = newRecord(T);

const refusal = { status: 401, evidence: [], detail: 'User not found.' };
const UNAUTHORIZED: Outcome = { kind: 'unauthorized', ...refusal };
const SUCCESS: Outcome = { kind: 'success', status: 200 };

const limitedFor = (seconds: number): Outcome => ({
  kind: 'key_limit_reached',
  status: 403,
  evidence: [{ field: 'retry-after', from: 'header', value: `${seconds}` }],
  detail: 'slow down',
});

function report(record: KeyRecord, outcome: Outcome, now: number): KeyRecord {
  const event = { kind: 'reported', outcome, generation: record.generation } as const;
  return transition(record, event, now, POLICY);
}

const command = (record: KeyRecord, event: KeyCommand, now = T) =>
  transition(record, event, now, POLICY);

const COOLED = report(FRESH, limitedFor(100), T);
const DISABLED = command(FRESH, { kind: 'disable', reason: 'leaked' });

describe('a cooldown', () => {
  it('begins with a refusal for the key and says why', () => {
    expect(COOLED.state).toEqual({
      kind: 'cooling',
      since: T,
      until: T + 100_000,
      cause: { reason: 'key_limit_reached', source: 'header', detail: 'slow down' },
    });
  });

  it('is over at its end, not a millisecond before', () => {
    expect(settled(COOLED, T + 99_999)).toBe(COOLED);
    expect(settled(COOLED, T + 100_000).state).toEqual({ kind: 'available', since: T + 100_000 });
  });

  it('is made longer by a later end', () => {
    expect(report(COOLED, limitedFor(200), T + 5_000).state).toMatchObject({ until: T + 205_000 });
  });

  it('is not made shorter by an earlier end', () => {
    expect(report(COOLED, limitedFor(1), T + 5_000)).toBe(COOLED);
  });

  it('is not ended by a success', () => {
    expect(report(COOLED, SUCCESS, T + 1)).toBe(COOLED);
  });

  it('has no more left than at its beginning after the clock was set back', () => {
    const state = settled(COOLED, T - 30 * DAY_MS).state;
    expect(state).toMatchObject({ since: T - 30 * DAY_MS, until: T - 30 * DAY_MS + 100_000 });
  });

  it.each<Outcome>([
    { kind: 'rate_limited', status: 429, evidence: [], detail: '' },
    { kind: 'credits_exhausted', status: 402, evidence: [], detail: '' },
    { kind: 'provider_failed', status: 502, evidence: [], detail: '' },
    { kind: 'provider_limited', status: 429, evidence: [], detail: '' },
    { kind: 'model_limited', status: 429, evidence: [], detail: '' },
    { kind: 'edge_blocked', status: 403, evidence: [], detail: '' },
    { kind: 'caller_error', status: 400, evidence: [], detail: '' },
    { kind: 'connection_failed', detail: '' },
    { kind: 'timeout', detail: '' },
    { kind: 'truncated', detail: '' },
    { kind: 'client_abort' },
    { kind: 'unused' },
    SUCCESS,
  ])('does not begin with $kind', (outcome) => {
    expect(report(FRESH, outcome, T)).toBe(FRESH);
  });
});

describe('a key that is refused with 401', () => {
  const once = report(FRESH, UNAUTHORIZED, T);
  const later = T + STRIKE_COOLDOWN_MS;

  it('cools for a minute the first time', () => {
    const cause = { reason: 'unauthorized', source: 'strike', detail: 'User not found.' };
    expect(once.state).toEqual({ kind: 'cooling', since: T, until: later, cause });
  });

  it('is disabled the second time', () => {
    const cause = { reason: 'unauthorized', source: 'strike', detail: 'User not found.' };
    expect(report(once, UNAUTHORIZED, later).state).toEqual({
      ...{ kind: 'disabled', since: later, cause },
    });
  });

  it('is not disabled by other requests of the same moment', () => {
    expect(report(once, UNAUTHORIZED, T + 5)).toBe(once);
  });

  it('is disabled the second time however long ago the first was', () => {
    expect(report(once, UNAUTHORIZED, T + 30 * DAY_MS).state.kind).toBe('disabled');
  });

  it('starts afresh after a success', () => {
    const proven = report(once, SUCCESS, later);
    expect(report(proven, UNAUTHORIZED, later + 1).state.kind).toBe('cooling');
  });

  it('starts afresh when an operator says that it is fine', () => {
    const uncooled = command(once, { kind: 'uncool' }, T + 1);
    expect(report(uncooled, UNAUTHORIZED, later + 1).state.kind).toBe('cooling');
  });

  it('keeps a longer cooldown it already has', () => {
    const struck = report(COOLED, UNAUTHORIZED, T + 1);
    expect(struck.state).toBe(COOLED.state);
    expect(report(struck, UNAUTHORIZED, T + 100_000).state.kind).toBe('disabled');
  });
});

describe('an operator', () => {
  it('disables a key until it is enabled again', () => {
    expect(settled(DISABLED, T + 365 * DAY_MS)).toBe(DISABLED);
    const enabled = command(DISABLED, { kind: 'enable' }, T + 9);
    expect(enabled.state).toEqual({ kind: 'available', since: T + 9 });
  });

  it('is obeyed over any report', () => {
    expect(report(DISABLED, SUCCESS, T + 1)).toBe(DISABLED);
    expect(report(DISABLED, limitedFor(5), T + 1)).toBe(DISABLED);
    expect(report(DISABLED, UNAUTHORIZED, T + 1)).toBe(DISABLED);
  });

  it('cools a key for as long as is wanted, also when that is shorter', () => {
    const cooled = command(COOLED, { kind: 'cool', forMs: 500, reason: 'rest' }, T + 1);
    const cause = { reason: 'operator', source: 'operator', detail: 'rest' };
    expect(cooled.state).toEqual({ kind: 'cooling', since: T + 1, until: T + 501, cause });
  });

  it('ends a cooldown', () => {
    const uncooled = command(COOLED, { kind: 'uncool' }, T + 7);
    expect(uncooled.state).toEqual({ kind: 'available', since: T + 7 });
  });

  it('leaves a disabled key disabled when it is cooled or uncooled', () => {
    const cooled = command(DISABLED, { kind: 'cool', forMs: 500, reason: '' });
    expect(cooled.state).toBe(DISABLED.state);
    expect(command(DISABLED, { kind: 'uncool' }).state).toBe(DISABLED.state);
  });

  it('leaves a cooling key cooling when it is enabled', () => {
    expect(command(COOLED, { kind: 'enable' }).state).toBe(COOLED.state);
  });

  it('is not overruled by what comes of leases given before', () => {
    const uncooled = command(COOLED, { kind: 'uncool' }, T + 7);
    const late: KeyEvent = { kind: 'reported', outcome: limitedFor(100), generation: 0 };
    expect(transition(uncooled, late, T + 8, POLICY)).toBe(uncooled);
    expect(report(uncooled, limitedFor(100), T + 8).state.kind).toBe('cooling');
  });
});

describe('a record that was stored', () => {
  const coolingUntil = (until: number, source: 'header' | 'operator'): KeyRecord => ({
    ...FRESH,
    state: { kind: 'cooling', since: T, until, cause: { reason: '', source, detail: '' } },
  });

  it('cools no longer than any cooldown may', () => {
    const frozen = restored(coolingUntil(T + 900 * DAY_MS, 'header'), T);
    expect(frozen.state).toMatchObject({ until: T + LONGEST_COOLDOWN_MS });
  });

  it('cools for as long as the operator said', () => {
    const rested = restored(coolingUntil(T + 90 * DAY_MS, 'operator'), T);
    expect(rested.state).toMatchObject({ until: T + 90 * DAY_MS });
  });

  it('cools no more if the cooldown ended meanwhile', () => {
    expect(restored(COOLED, T + 100_000).state.kind).toBe('available');
  });
});

describe('any history of a key', () => {
  const anyRefusal = fc.record({
    kind: fc.constantFrom('rate_limited', 'key_limit_reached', 'credits_exhausted', 'caller_error'),
    status: fc.constant(429),
    evidence: fc.array(
      fc.record({
        field: fc.constantFrom('retry-after', 'x-ratelimit-reset'),
        from: fc.constantFrom('header', 'body'),
        value: fc.integer({ min: -10, max: 1e13 }).map(String),
      }),
      { maxLength: 2 },
    ),
    detail: fc.constant(''),
  }) as fc.Arbitrary<Outcome>;
  const anyOutcome = fc.oneof(
    anyRefusal,
    fc.constant(UNAUTHORIZED),
    fc.constant(SUCCESS),
    fc.constant<Outcome>({ kind: 'truncated', detail: '' }),
  );
  const anyReport = fc.record({
    kind: fc.constant('reported' as const),
    outcome: anyOutcome,
    generation: fc.integer({ min: 0, max: 3 }),
  });
  const anyCommand: fc.Arbitrary<KeyCommand> = fc.oneof(
    fc.constant({ kind: 'disable' as const, reason: '' }),
    fc.constant({ kind: 'enable' as const }),
    fc.constant({ kind: 'uncool' as const }),
    fc.record({
      kind: fc.constant('cool' as const),
      forMs: fc.integer({ min: 1, max: 1e9 }),
      reason: fc.constant(''),
    }),
  );
  const withStep = <T>(event: fc.Arbitrary<T>, step: fc.Arbitrary<number>) =>
    fc.array(fc.tuple(event, step), { maxLength: 40 });
  const forward = fc.integer({ min: 0, max: 2e6 });

  const endOf = ({ state }: KeyRecord) =>
    state.kind === 'cooling' ? state.until : state.kind === 'disabled' ? Infinity : 0;

  it('never brings the end of a cooldown nearer by a report', () => {
    fc.assert(
      fc.property(withStep(anyReport, forward), (history) => {
        let [record, now] = [FRESH, T];
        for (const [event, step] of history) {
          now += step;
          const before = settled(record, now);
          record = transition(record, event, now, POLICY);
          expect(endOf(record)).toBeGreaterThanOrEqual(endOf(before));
        }
      }),
    );
  });

  it('never leaves a disabled key without an operator', () => {
    fc.assert(
      fc.property(withStep(anyReport, forward), (history) => {
        let [record, now] = [DISABLED, T];
        for (const [event, step] of history)
          record = transition(record, event, (now += step), POLICY);
        expect(record).toBe(DISABLED);
      }),
    );
  });

  it('changes nothing when the last report is repeated', () => {
    fc.assert(
      fc.property(withStep(anyReport, forward), anyReport, (history, last) => {
        let [record, now] = [FRESH, T];
        for (const [event, step] of history)
          record = transition(record, event, (now += step), POLICY);
        const once = transition(record, last, now, POLICY);
        expect(transition(once, last, now, POLICY)).toEqual(once);
      }),
    );
  });

  it('never cools for longer than the longest cooldown, nor is cut short, by a clock that jumps', () => {
    const anyStep = fc.integer({ min: -1e9, max: 1e9 });
    fc.assert(
      fc.property(withStep(anyReport, anyStep), (history) => {
        let [record, now] = [FRESH, T];
        for (const [event, step] of history) {
          const left = endOf(settled(record, now)) - now;
          now += step;
          const settledLeft = endOf(settled(record, now)) - now;
          if (step < 0 && left > 0) expect(settledLeft).toBeGreaterThanOrEqual(left);
          record = transition(record, event, now, POLICY);
          if (record.state.kind !== 'cooling') continue;
          expect(record.state.until - now).toBeLessThanOrEqual(LONGEST_COOLDOWN_MS);
        }
      }),
    );
  });

  it('survives being stored at any moment', () => {
    fc.assert(
      fc.property(withStep(fc.oneof(anyReport, anyCommand), forward), (history) => {
        let [record, now] = [FRESH, T];
        for (const [event, step] of history)
          record = transition(record, event, (now += step), POLICY);
        const copy = JSON.parse(JSON.stringify(record)) as KeyRecord;
        expect(restored(copy, now)).toEqual(settled(record, now));
      }),
    );
  });
});
