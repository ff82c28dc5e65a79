import { expect, it } from 'vitest';
import type { KeyState } from '@openrouter-proxy/kms-protocol';
import { availabilityOf } from './availability.ts';

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

it('counts a returning key as one that can serve', () => {
  const returning: KeyState = { kind: 'returning', since: 0, allowance: 1, cause };
  expect(availabilityOf([returning])).toMatchObject({ usable: [0], cooling: 0, disabled: 0 });
});

it('waits for no return when no key cools', () => {
  expect(availabilityOf([available, disabled]).nextReturn).toBeNull();
});
