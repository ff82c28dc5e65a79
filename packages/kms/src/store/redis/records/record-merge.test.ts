import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newRecord, type KeyRecord } from '../../../keys/key-record.ts';
import { mergeRecords } from './record-merge.ts';

const T = 1_000_000;
const cause = { reason: 'limited', source: 'header', detail: '' } as const;
const few = fc.integer({ min: T, max: T + 3 });
const state: fc.Arbitrary<KeyRecord['state']> = fc.oneof(
  fc.record({ kind: fc.constant('available' as const), since: few }),
  fc.record({
    kind: fc.constant('returning' as const),
    since: few,
    allowance: fc.constantFrom(1, 2),
    cause: fc.constant(cause),
  }),
  fc.record({
    kind: fc.constant('cooling' as const),
    since: few,
    until: few,
    cause: fc.constant(cause),
  }),
  fc.record({ kind: fc.constant('disabled' as const), since: few, cause: fc.constant(cause) }),
);
const record: fc.Arbitrary<KeyRecord> = fc.record({
  state,
  generation: fc.integer({ min: 0, max: 2 }),
  strikeUntil: fc.option(few),
  traits: fc.record({
    limitRemaining: fc.option(fc.constantFrom(0, 1)),
    limitReset: fc.option(fc.constantFrom('daily', 'weekly')),
    expiresAt: fc.option(few),
    account: fc.option(fc.constantFrom('acct-1', 'acct-2')),
    isManagement: fc.boolean(),
  }),
});

const of = (changed: Partial<KeyRecord>): KeyRecord => ({ ...newRecord(T), ...changed });
const cooling = (until: number) => of({ state: { kind: 'cooling', since: T, until, cause } });
const disabled = of({ state: { kind: 'disabled', since: T, cause } });

describe('two records of a key that did not know of each other', () => {
  it('come to the same in any order, however often they meet', () => {
    fc.assert(
      fc.property(record, record, record, (a, b, c) => {
        const ab = mergeRecords(a, b);
        expect(mergeRecords(b, a)).toEqual(ab);
        expect(mergeRecords(ab, b)).toEqual(ab);
        expect(mergeRecords(ab, c)).toEqual(mergeRecords(a, mergeRecords(b, c)));
      }),
      { numRuns: 2_000 },
    );
  });

  it('cool the key until the later end', () => {
    expect(mergeRecords(cooling(T + 5), cooling(T + 9)).state).toMatchObject({ until: T + 9 });
  });

  it('leave a key disabled that one of them has disabled', () => {
    expect(mergeRecords(disabled, cooling(T + 9)).state.kind).toBe('disabled');
  });

  it('go by the later command of an operator, whatever else is known', () => {
    const enabled = of({ generation: 1 });
    expect(mergeRecords(disabled, enabled).state.kind).toBe('available');
  });
});
