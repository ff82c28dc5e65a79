import { LASTS, passedOn, refusal, trial, type Trial } from './trial.ts';

const free = true;
const onKeyCheck = true;
const json = { 'content-type': 'application/json' };
const keyCheck = (data: object) =>
  ({ kind: 'answer', status: 200, headers: json, body: JSON.stringify({ data }) }) as const;

/** What depends on the account, and what only seems to. */
export const OF_ACCOUNTS: readonly Trial[] = [
  refusal(
    'data_policy',
    { ...LASTS, ...passedOn(404), setAside: 'account-model' },
    'data_policy, each account',
  ),
  refusal('data_policy', { extra: { provider: { only: ['x'] } } }, 'data_policy, own providers'),
  refusal('cannot_afford', { ...LASTS, ...passedOn(402) }, 'cannot_afford, each account'),
  refusal('insufficient_credits', { free }, 'no credits, a free model'),
  refusal(
    'insufficient_credits',
    { ...LASTS, ...passedOn(402), free, extra: { plugins: [{ id: 'web' }] } },
    'no credits, free web search',
  ),
  trial('a key that manages others', keyCheck({ is_management_key: true }), {
    onKeyCheck,
    setAside: 'key',
  }),
  trial('a key’s end in the year 1', keyCheck({ expires_at: '0001-01-01T00:00:00Z' }), {
    onKeyCheck,
    ...LASTS,
  }),
];
