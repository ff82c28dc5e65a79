import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readKeyMetadata } from './key-metadata.ts';

const DATA = {
  label: 'sk-or-v1-au7...890',
  limit: 100,
  limit_remaining: 74.5,
  limit_reset: 'monthly',
  usage_daily: 25.5,
  expires_at: '2027-01-01T00:00:00Z',
  free_model_daily_requests: { limit: 1000, remaining: 998, used: 2 },
  creator_user_id: 'user_1',
  organization_id: null,
  workspace_id: 'w',
};
const read = (data: object) => readKeyMetadata(JSON.stringify({ data }));

it('reads what OpenRouter tells of a key', () => {
  expect(read(DATA)).toEqual({
    kind: 'facts',
    owner: 'user_1/w',
    limitRemaining: 74.5,
    limitReset: 'monthly',
    expiresAt: Date.UTC(2027, 0, 1),
    freeRequests: { limit: 1000, used: 2 },
    usageDaily: 25.5,
    isManagement: false,
  });
});

it('takes the organization for the owner where there is one', () => {
  expect(read({ ...DATA, organization_id: 'org_1' })).toMatchObject({ owner: 'org_1/w' });
});

it('reads the rest when a part is missing, or of another kind', () => {
  expect(read({})).toEqual({
    kind: 'facts',
    owner: null,
    limitRemaining: null,
    limitReset: null,
    expiresAt: null,
    freeRequests: null,
    usageDaily: null,
    isManagement: false,
  });
  const odd = { ...DATA, limit_reset: 'hourly', free_model_daily_requests: 7, expires_at: 'soon' };
  expect(read(odd)).toMatchObject({
    limitReset: null,
    freeRequests: null,
    expiresAt: null,
    limitRemaining: 74.5,
  });
});

it.each(['0001-01-01T00:00:00Z', '1969-12-31T23:59:59Z', '0000-00-00T00:00:00Z', 1e300, -1])(
  'reads the rest beside an end of the key that cannot be right: %s',
  (expires_at) => {
    expect(read({ ...DATA, expires_at })).toMatchObject({ expiresAt: null, limitRemaining: 74.5 });
  },
);

it.each(['is_management_key', 'is_provisioning_key'])('knows a management key by %s', (name) => {
  expect(read({ ...DATA, [name]: true })).toMatchObject({ isManagement: true });
});

it('finds nothing in what is no such answer, and never throws', () => {
  expect(readKeyMetadata('<html>')).toBeUndefined();
  expect(readKeyMetadata('{"error":{"code":401}}')).toBeUndefined();
  fc.assert(fc.property(fc.jsonValue(), (value) => void readKeyMetadata(JSON.stringify(value))));
});
