import type { Cause, KeySpan, KeyView, LimitView } from '@openrouter-proxy/kms-protocol';

/** How a key stands, in one word. */
export type Standing = KeySpan['kind'];

/** The words for it. */
export const STANDING_LABEL: Readonly<Record<Standing, string>> = {
  serving: 'Serving',
  returning: 'Returning',
  limited: 'Limited',
  cooling: 'Cooling',
  disabled: 'Disabled',
};

/** How a key stands: one that is available but may not serve everything is `limited`. */
export function standingOf({ state, limits }: Pick<KeyView, 'state' | 'limits'>): Standing {
  if (state.kind !== 'available') return state.kind;
  return limits.length > 0 ? 'limited' : 'serving';
}

/** Whether somebody should look at it. */
export function needsAttention(key: KeyView): boolean {
  return standingOf(key) !== 'serving' || key.unexplainedCost !== null;
}

const SOURCE: Readonly<Record<Cause['source'], string>> = {
  header: 'a header of the answer said how long',
  body: 'the body of the answer said how long',
  inspection: 'GET /key said so',
  window: 'the limit’s own period ends then',
  operator: 'an operator’s word',
  default: 'a guess: the configured time',
  'back-off': 'a guess that grows with each refusal',
  strike: 'a guess after a first refusal',
};

/** In words, how the end of something is known. */
export function sourceInWords(source: Cause['source']): string {
  return SOURCE[source];
}

/** An outcome's or a reason's name as words: `rate_limited` → `rate limited`. */
export function nameInWords(name: string): string {
  return name.replaceAll('_', ' ');
}

/** What a limit shuts out. */
export function limitSubject({ scope, pool, model }: LimitView): string {
  const models = { free: 'free models', paid: 'paid models', all: 'every model' }[pool];
  switch (scope) {
    case 'account':
      return `the account, ${models}`;
    case 'account-model':
      return `${model ?? models} on the account`;
    case 'key-model':
      return `${model ?? models} on this key`;
    case 'model':
      return model ?? models;
    case 'upstream':
      return 'the way to OpenRouter';
  }
}

/** An account with the keys that share its limits. */
export interface Account {
  readonly name: string;
  readonly keyNames: readonly string[];
  readonly freeRequests: KeyView['freeRequests'];
}

/** The accounts of some keys, in their order. */
export function accountsOf(keys: readonly KeyView[]): Account[] {
  return [...Map.groupBy(keys, ({ account }) => account)].flatMap(([name, members]) => {
    const freeRequests = members[0]?.freeRequests;
    if (!freeRequests) return [];
    return [{ name, keyNames: members.map((key) => key.name), freeRequests }];
  });
}
