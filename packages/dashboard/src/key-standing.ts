import type { KeySpan, KeyView } from '@openrouter-proxy/kms-protocol';

/** How a key stands, in one word. */
export type Standing = KeySpan['kind'] | 'refused';

/** The words for it. */
export const STANDING_LABEL: Readonly<Record<Standing, string>> = {
  serving: 'Serving',
  returning: 'Returning',
  limited: 'Limited',
  cooling: 'Cooling',
  disabled: 'Disabled',
  refused: 'Refused',
};

/** How a key stands: what OpenRouter said last of it comes first; one that is available but may not serve everything is `limited`. */
export function standingOf({
  state,
  check,
  limits,
}: Pick<KeyView, 'state' | 'check' | 'limits'>): Standing {
  const isOperators = state.kind === 'disabled' && state.cause.source === 'operator';
  if (check?.verdict === 'refused' && !isOperators) return 'refused';
  if (state.kind !== 'available') return state.kind;
  return limits.length > 0 ? 'limited' : 'serving';
}

/** Whether somebody should look at it. */
export function needsAttention(key: KeyView): boolean {
  return standingOf(key) !== 'serving' || key.unexplainedCost !== null;
}

/** The worst first. */
const URGENCY: readonly Standing[] = [
  'refused',
  'disabled',
  'cooling',
  'returning',
  'limited',
  'serving',
];

/** Orders keys by how urgently somebody should look at them; alike ones keep their order. */
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
