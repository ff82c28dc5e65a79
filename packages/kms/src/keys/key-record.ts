import { contract, readJson, type Cause, type KeyState } from '@openrouter-proxy/kms-protocol';
import * as z from 'zod';
import type { LimitReset } from '../limits/cooldown.ts';

/** The metadata that `GET /key` returned for a key. */
export interface KeyTraits {
  /** Credits left under the key's own cap; null: no cap, or unknown. */
  readonly limitRemaining: number | null;
  readonly limitReset: LimitReset | null;
  /** When the key expires; null: never, or unknown. */
  readonly expiresAt: number | null;
  /** A name for the key's account, derived from the owner of its quota; null if unknown. */
  readonly account: string | null;
  /** It manages other keys, and serves no requests to models. */
  readonly isManagement: boolean;
}

const NO_TRAITS: KeyTraits = {
  limitRemaining: null,
  limitReset: null,
  expiresAt: null,
  account: null,
  isManagement: false,
};

/** The record of a key, kept across restarts. */
export interface KeyRecord {
  /** The state at its last change; see `settled`. */
  readonly state: KeyState;
  /** Grows with every command: results of leases of an earlier generation are ignored. */
  readonly generation: number;
  /**
   * Set by a first 401: further 401s until then belong to the same strike. Null: no 401 since a
   * success.
   */
  readonly strikeUntil: number | null;
  readonly traits: KeyTraits;
}

/** Stores the records of keys across restarts. */
export interface KeyRecordStore {
  /**
   * Loads the records of these keys. Deletes records of keys that have not been loaded for a long
   * time.
   */
  load(keyIds: readonly string[], now: number): Promise<ReadonlyMap<string, KeyRecord>>;

  /**
   * Saves a record. It is durable when this resolves. If it rejects, the previous record remains.
   */
  save(keyId: string, record: KeyRecord): Promise<void>;
}

/** The record of a new key. */
export function newRecord(now: number): KeyRecord {
  const state: KeyState = { kind: 'available', since: now };
  return { state, generation: 0, strikeUntil: null, traits: NO_TRAITS };
}

const number = z.number().nullable();

/** The stored form of a record. Earlier versions stored fewer traits. */
const kept: z.ZodType<KeyRecord> = z.object({
  state: contract['keys.get'].result.shape.state,
  generation: z.int().nonnegative(),
  strikeUntil: number,
  traits: z
    .object({
      limitRemaining: number,
      limitReset: z.enum(['daily', 'weekly', 'monthly']).nullable(),
      expiresAt: number,
      account: z.string().nullable(),
      isManagement: z.boolean().default(false),
    })
    .default(NO_TRAITS),
});

/** Reads the JSON of a record; undefined if it has an unknown form. */
export function readRecord(text: string): KeyRecord | undefined {
  return readJson(text, kept);
}

/** The cause of a disabled management key. */
export const MANAGEMENT_KEY: Cause = {
  reason: 'management_key',
  source: 'inspection',
  detail: 'it manages other keys and serves no requests: put an ordinary key in its place',
};

/** Disables a key until an operator or `GET /key` enables it. */
export function disabled(record: KeyRecord, cause: Cause, now: number): KeyRecord {
  if (record.state.kind === 'disabled') return record;
  return { ...record, state: { kind: 'disabled', since: now, cause } };
}
