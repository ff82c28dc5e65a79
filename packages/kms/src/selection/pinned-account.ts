import type { KeyRecords, PoolKey } from '../keys/key-records.ts';

/**
 * Tells whether a key may serve a request that is pinned to an account (null: it is not pinned). The
 * account goes by its present name, by its configured name, or by the name of one of its keys.
 */
export function isOfPinnedAccount(
  keys: readonly PoolKey[],
  records: Pick<KeyRecords, 'accountOf'>,
  account: string | null,
): (key: PoolKey) => boolean {
  if (account === null) return () => true;
  const named = keys.filter(
    (key) => key.name === account || key.account === account || records.accountOf(key) === account,
  );
  const accounts = new Set(named.map((key) => records.accountOf(key)));
  return (key) => accounts.has(records.accountOf(key));
}
