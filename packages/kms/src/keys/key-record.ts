import { contract, readJson, type Cause, type KeyState } from '@openrouter-proxy/kms-protocol';
import * as z from 'zod';
import type { LimitReset } from '../limits/cooldown.ts';

/** What `GET /key` has told of a key. */
export interface KeyTraits {
  /** Credits left under the key's own cap; null: no cap, or not known. */
  readonly limitRemaining: number | null;
  readonly limitReset: LimitReset | null;
  /** When the key ends; null: never, or not known. */
  readonly expiresAt: number | null;
  /** A name for the account it belongs to, by the owner of its quota; null: not known. */
  readonly account: string | null;
  /** It manages other keys, and serves no requests for models. */
  readonly isManagement: boolean;
}

const NO_TRAITS: KeyTraits = {
  limitRemaining: null,
  limitReset: null,
  expiresAt: null,
  account: null,
  isManagement: false,
};

/** What is known of a key, and kept across restarts. */
export interface KeyRecord {
  /** As it was when it last changed; `settled` says what has become of it. */
  readonly state: KeyState;
  /** Grows with every command: what came of a lease given before says nothing about the key after. */
  readonly generation: number;
  /** Set by a first 401: until then others tell of the same refusal. Null: no 401 since a success. */
  readonly strikeUntil: number | null;
  readonly traits: KeyTraits;
}

/** Where records of keys are kept across restarts. */
export interface KeyRecordStore {
  /** The records of these keys that exist. Deletes records of keys that were not asked for during a long time. */
  load(keyIds: readonly string[], now: number): Promise<ReadonlyMap<string, KeyRecord>>;

  /** Keeps a record. It is durable when this resolves; when it rejects, the previous record still stands. */
  save(keyId: string, record: KeyRecord): Promise<void>;
}

/** The record of a key nothing is known about. */
export function newRecord(now: number): KeyRecord {
  const state: KeyState = { kind: 'available', since: now };
  return { state, generation: 0, strikeUntil: null, traits: NO_TRAITS };
}

const number = z.number().nullable();

/** A record as it is kept; an older version knew less of a key. */
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

/** Reads the JSON of a record; undefined if it is of an unknown form. */
export function readRecord(text: string): KeyRecord | undefined {
  return readJson(text, kept);
}

/** Why a management key is out of use: `GET /key` said so. */
export const MANAGEMENT_KEY: Cause = {
  reason: 'management_key',
  source: 'inspection',
  detail: 'it manages other keys and serves no requests: put an ordinary key in its place',
};

/** A key out of use until an operator, or `GET /key`, says otherwise. */
export function disabled(record: KeyRecord, cause: Cause, now: number): KeyRecord {
  if (record.state.kind === 'disabled') return record;
  return { ...record, state: { kind: 'disabled', since: now, cause } };
}
