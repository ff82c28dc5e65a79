import type { KeyView } from '@openrouter-proxy/kms-protocol';
import { standingOf, type KeyStanding } from '@openrouter-proxy/kms-protocol/key-standing';

/** The label of each status. */
export const STANDING_LABEL: Readonly<Record<KeyStanding, string>> = {
  serving: 'Serving',
  returning: 'Returning',
  limited: 'Limited',
  unreachable: 'Unreachable',
  cooling: 'Cooling',
  disabled: 'Disabled',
  refused: 'Refused',
};

/** Whether a key needs attention. */
export function needsAttention(key: KeyView): boolean {
  return standingOf(key) !== 'serving' || key.unexplainedCost !== null;
}

/** The worst first. */
const URGENCY: readonly KeyStanding[] = [
  'refused',
  'unreachable',
  'disabled',
  'cooling',
  'returning',
  'limited',
  'serving',
];

/** Sorts keys by urgency; the sort is stable. */
export function byUrgency(a: KeyView, b: KeyView): number {
  return URGENCY.indexOf(standingOf(a)) - URGENCY.indexOf(standingOf(b));
}

/** An account with the keys that share its limits. */
export interface Account {
  readonly name: string;
  readonly keyNames: readonly string[];
  readonly freeRequests: KeyView['freeRequests'];
}

/** The accounts of some keys, those that have used most of their free requests first. */
export function accountsOf(keys: readonly KeyView[]): Account[] {
  const accounts = [...Map.groupBy(keys, ({ account }) => account)].flatMap(([name, members]) => {
    const freeRequests = members[0]?.freeRequests;
    if (!freeRequests) return [];
    return [{ name, keyNames: members.map((key) => key.name), freeRequests }];
  });
  return accounts.sort((a, b) => shareUsed(b) - shareUsed(a));
}

const shareUsed = ({ freeRequests: { minute, day } }: Account) =>
  Math.max(...[minute, day].map(({ used, limit }) => (limit === null ? 0 : used / limit)));
