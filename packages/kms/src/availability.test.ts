import { describe, expect, it } from 'vitest';
import type { KeyState } from '@openrouter-proxy/kms-protocol';
import { availabilityOf, refusalOf } from './availability.ts';

const NOW = 1_000_000;
const cause = { reason: '', source: 'default', detail: '' } as const;
const available: KeyState = { kind: 'available', since: 0 };
const disabled: KeyState = { kind: 'disabled', since: 0, cause };
const coolingFor = (ms: number): KeyState => ({
  ...{ kind: 'cooling', since: 0, until: NOW + ms, cause },
});

it('tells which keys can serve, how many cannot, and when the first returns', () => {
  const states = [disabled, available, coolingFor(90), coolingFor(30), available];
  expect(availabilityOf(states)).toEqual({
    ...{ usable: [1, 4], cooling: 2, disabled: 1, nextReturn: NOW + 30 },
  });
});

it('waits for no return when no key cools', () => {
  expect(availabilityOf([available, disabled]).nextReturn).toBeNull();
});

describe('a refusal', () => {
  it.each<[string, KeyState[], KeyState[], object]>([
    ['no keys', [], [], { reason: 'no_keys', retryAfterMs: null }],
    ['all disabled', [disabled], [disabled], { reason: 'disabled', retryAfterMs: null }],
    [
      'all cooling, the first to return counts',
      [coolingFor(90), coolingFor(30), disabled],
      [coolingFor(90), coolingFor(30), disabled],
      { reason: 'cooling', retryAfterMs: 30 },
    ],
    ['all busy', [available], [available], { reason: 'busy', retryAfterMs: 1_000 }],
    [
      'busy, and one returns sooner than a lease may end',
      [coolingFor(30), available],
      [coolingFor(30), available],
      { reason: 'busy', retryAfterMs: 30 },
    ],
    ['all tried', [available], [], { reason: 'exhausted', retryAfterMs: null }],
    [
      'all tried and cooling since',
      [coolingFor(30)],
      [],
      { reason: 'exhausted', retryAfterMs: 30 },
    ],
    [
      'tried but for a disabled one',
      [available, disabled],
      [disabled],
      { reason: 'exhausted', retryAfterMs: null },
    ],
    [
      'tried but for a cooling one',
      [available, coolingFor(30)],
      [coolingFor(30)],
      { reason: 'cooling', retryAfterMs: 30 },
    ],
  ])('says why: %s', (_name, states, untried, expected) => {
    const hasTried = untried.length < states.length;
    expect(refusalOf(availabilityOf(states), { untried, hasTried }, NOW)).toEqual(expected);
  });
});
