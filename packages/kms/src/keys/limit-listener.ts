import type { PoolKey } from './key-records.ts';
import type { Limit, Subject } from '../limits/limit.ts';

/** Receives changes of limits and accounts. */
export interface LimitListener {
  /** `keys`: the keys that the limit concerns. */
  onLimit(limit: Limit, keys: readonly PoolKey[]): void;
  onLifted(subject: Subject, keys: readonly PoolKey[]): void;
  /** Several keys turned out to share an account. */
  onShared(account: string, keys: readonly PoolKey[]): void;
}
