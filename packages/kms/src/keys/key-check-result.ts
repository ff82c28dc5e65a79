import type { Cause, KeyMetadata } from '@openrouter-proxy/kms-protocol';
import { nextReset } from '../limits/cooldown.ts';
import { disabled, MANAGEMENT_KEY, type KeyRecord } from './key-record.ts';
import { isGuess } from '../limits/limit.ts';

/** Replaces guesses about an accepted key by the metadata that `GET /key` returned. */
export function withMetadata(
  record: KeyRecord,
  metadata: KeyMetadata,
  account: string | null,
  now: number,
): KeyRecord {
  const { limitRemaining, limitReset, expiresAt, isManagement } = metadata;
  const traits = {
    limitRemaining,
    limitReset,
    expiresAt,
    isManagement,
    account: account ?? record.traits.account,
  };
  const known = { ...record, traits, strikeUntil: null };
  const { state } = record;
  if (expiresAt !== null && expiresAt <= now) {
    return disabled(known, { reason: 'expired', source: 'inspection', detail: '' }, now);
  }
  if (isManagement) return disabled(known, MANAGEMENT_KEY, now);
  const isSpent = limitRemaining !== null && limitRemaining <= 0;
  if (state.kind === 'cooling' && isGuess(state.cause)) {
    if (!isSpent) return { ...known, state: { kind: 'available', since: now } };
    const until = limitReset === null ? state.until : nextReset(limitReset, now);
    const cause: Cause = { ...state.cause, source: 'inspection' };
    return { ...known, state: { ...state, until: Math.max(until, state.until), cause } };
  }
  if (state.kind !== 'disabled') return known;
  const isOperators = state.cause.source === 'operator';
  return isOperators ? known : { ...known, state: { kind: 'available', since: now } };
}
