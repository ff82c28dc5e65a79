import type { ObjectCursor, ObjectKind } from '@openrouter-proxy/kms-protocol';

/** The owner of an object at OpenRouter: its account, by the key that made it, and its client. */
export interface ObjectRecord {
  readonly kind: ObjectKind;
  readonly id: string;
  readonly keyId: string;
  /** The account when the object was made. It may have got another name since. */
  readonly account: string;
  readonly client: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly expiresAt: number;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** How long the owner of an object is remembered, in milliseconds. */
export const LIFETIME_MS: Readonly<Record<ObjectKind, number>> = {
  video: 31 * DAY,
  batch: 31 * DAY,
  file: 31 * DAY,
  container: 31 * DAY,
  generation: DAY,
};

/** The most objects of a kind that are remembered. The oldest are deleted first. */
export const MAX_OF_KIND: Readonly<Record<ObjectKind, number>> = {
  video: 100_000,
  batch: 100_000,
  file: 100_000,
  container: 100_000,
  generation: 500_000,
};

/** Whether an object comes later in a list than a cursor. Lists begin with the latest object. */
export function isAfter({ createdAt, id }: ObjectCursor, cursor: ObjectCursor): boolean {
  return createdAt === cursor.createdAt ? id < cursor.id : createdAt < cursor.createdAt;
}

/** One page of two lists, without duplicates, the latest object first. */
export function mergedPage(
  one: readonly ObjectRecord[],
  other: readonly ObjectRecord[],
  limit: number,
): ObjectRecord[] {
  const byId = new Map([...other, ...one].map((record) => [record.id, record]));
  return [...byId.values()].sort((a, b) => (isAfter(a, b) ? 1 : -1)).slice(0, limit);
}
