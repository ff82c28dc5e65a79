import { createHash } from 'node:crypto';
import type { PoolKey } from '../../../keys/key-records.ts';

/**
 * Pseudonyms of accounts in Redis: the same on every machine, and without the account's name.
 * Machines may have different names for one key.
 */
export interface AccountMarks {
  /** The pseudonym of an account. */
  readonly markOf: (account: string) => string;
  /** The account of a pseudonym; undefined if this machine does not have it. */
  readonly accountOf: (mark: string) => string | undefined;
}

/** Names derived from OpenRouter's metadata are pseudonyms already. */
const LEARNT = /^acct-[\da-f]{8}$/;

/** The pseudonyms of the accounts of these keys. A key without an account is its own account. */
export function accountMarks(
  keys: readonly Pick<PoolKey, 'id' | 'name' | 'account'>[],
): AccountMarks {
  const marks = new Map(keys.map(({ id, name }) => [name, `key-${id}`]));
  for (const { account } of keys) if (account !== null) marks.set(account, digestOf(account));
  const accounts = new Map([...marks].map(([account, mark]) => [mark, account]));
  return {
    markOf: (account) => marks.get(account) ?? (LEARNT.test(account) ? account : digestOf(account)),
    accountOf: (mark) => accounts.get(mark) ?? (LEARNT.test(mark) ? mark : undefined),
  };
}

const digestOf = (account: string) =>
  createHash('sha256').update(`account ${account}`).digest('base64url').slice(0, 22);
