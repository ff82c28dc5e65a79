import { createHash } from 'node:crypto';
import type { PoolKey } from '../../../keys/key-records.ts';

/**
 * Names for accounts that mean the same on every machine, and tell nobody who does not know the account:
 * machines may call one key by different names, and what it is called is nobody's business.
 */
export interface AccountMarks {
  /** The mark of an account. */
  readonly markOf: (account: string) => string;
  /** The account of a mark; undefined: it is none of this machine's. */
  readonly accountOf: (mark: string) => string | undefined;
}

/** What OpenRouter has told of an account is a mark already. */
const LEARNT = /^acct-[\da-f]{8}$/;

/** The marks of the accounts that keys may belong to. A key that belongs to none is one by itself. */
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
