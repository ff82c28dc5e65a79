import { expect, it } from 'vitest';
import { AccountRing } from './account-ring.ts';

const accounts = Array.from({ length: 10 }, (_, n) => `account-${n}`);
const conversations = Array.from({ length: 2_000 }, (_, n) => `conversation-${n}`);
const first = (ring: AccountRing, conversation: string) => ring.from(conversation).next().value;

it('gives a conversation every account once, always in the same order', () => {
  const ring = new AccountRing(accounts);
  const order = [...ring.from('c')];
  expect(order.toSorted()).toEqual(accounts);
  expect([...new AccountRing(accounts.toReversed()).from('c')]).toEqual(order);
});

it('spreads conversations over the accounts', () => {
  const ring = new AccountRing(accounts);
  const counts = Map.groupBy(conversations, (conversation) => first(ring, conversation));
  expect(counts.size).toBe(10);
  for (const { length } of counts.values()) expect(length).toBeGreaterThan(60);
});

it('moves only the conversations of an account that is gone', () => {
  const [gone, ...rest] = accounts;
  const [before, after] = [new AccountRing(accounts), new AccountRing(rest)];
  for (const conversation of conversations) {
    const was = first(before, conversation);
    if (was !== gone) expect(first(after, conversation)).toBe(was);
  }
});

it('is empty without accounts', () => {
  expect([...new AccountRing([]).from('c')]).toEqual([]);
});
