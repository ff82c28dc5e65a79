import { expect, it } from 'vitest';
import { ConversationAccounts } from './conversation-accounts.ts';

const accounts = Array.from({ length: 10 }, (_, n) => `account-${n}`);
const conversations = Array.from({ length: 2_000 }, (_, n) => `conversation-${n}`);
const first = (order: ConversationAccounts, conversation: string) =>
  order.for(conversation).next().value;

it('gives a conversation every account once, always in the same order', () => {
  const order = [...new ConversationAccounts(accounts).for('c')];
  expect(order.toSorted()).toEqual(accounts);
  expect([...new ConversationAccounts(accounts.toReversed()).for('c')]).toEqual(order);
});

it('spreads conversations evenly over the accounts', () => {
  const order = new ConversationAccounts(accounts);
  const counts = Map.groupBy(conversations, (conversation) => first(order, conversation));
  expect(counts.size).toBe(10);
  for (const { length } of counts.values()) expect(length).toBeGreaterThan(120);
});

it('moves only the conversations of a removed account, and spreads them over the others', () => {
  const [removed, ...rest] = accounts;
  const [before, after] = [new ConversationAccounts(accounts), new ConversationAccounts(rest)];
  const moved = new Map<string | undefined, number>();
  for (const conversation of conversations) {
    const now = first(after, conversation) ?? '';
    if (first(before, conversation) === removed) moved.set(now, (moved.get(now) ?? 0) + 1);
    else expect(now).toBe(first(before, conversation));
  }
  expect(moved.size).toBe(9);
});

it('yields nothing without accounts', () => {
  expect([...new ConversationAccounts([]).for('c')]).toEqual([]);
});
