import type { PoolKey } from './key-records.ts';
import type { Limit, Subject } from '../limits/limit.ts';

/** Told what becomes of what keys share. */
export interface LimitListener {
  /** `keys`: those of the limited account. */
  onLimit(limit: Limit, keys: readonly PoolKey[]): void;
  onLifted(subject: Subject, keys: readonly PoolKey[]): void;
  /** Several keys turn out to belong to one account. */
  onShared(account: string, keys: readonly PoolKey[]): void;
}
