import type { AccountOptions } from '@openrouter-proxy/fake-openrouter';
import { describe, expect, it } from 'vitest';
import { operatorOf } from '../support/operator.ts';
import { FREE_MODEL, PAID_MODEL, sharedProduct, type Product } from '../support/product.ts';

const startProduct = sharedProduct();

/** A product with keys of some accounts, so many of each. */
function withAccounts(...accounts: (AccountOptions & { keys: number })[]): Promise<Product> {
  return startProduct(0, (fake) => {
    for (const { keys, ...options } of accounts) {
      const account = fake.addAccount(options);
      for (let n = 0; n < keys; n += 1) fake.addKey({ account });
    }
  });
}

async function ask({ openAiUrl, accessKey }: Product, body: object): Promise<number> {
  const answer = await fetch(`${openAiUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${accessKey}` },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'Hello' }], ...body }),
  });
  await answer.text();
  return answer.status;
}

/** The keys under which the fake was asked for inference, in order. */
const asked = ({ fake }: Product) =>
  fake.requests.records.filter(({ method }) => method === 'POST').map(({ key }) => key);

it('five keys of one account that has used up its free requests cost two refusals at most', async () => {
  const product = await withAccounts({ keys: 5, freePerDay: 0 });
  expect(await ask(product, { model: FREE_MODEL })).toBe(429);
  expect(asked(product).length).toBeLessThanOrEqual(2);
});

it('a free request with web search that no account can pay leaves plain free requests alone', async () => {
  const product = await withAccounts({ keys: 2, credits: 0 }, { keys: 2, credits: 0 });
  expect(await ask(product, { model: FREE_MODEL, plugins: [{ id: 'web' }] })).toBe(402);
  expect(asked(product)).toHaveLength(2);
  for (let n = 0; n < 4; n += 1) expect(await ask(product, { model: FREE_MODEL })).toBe(200);
});

it('a model that one account shuts out is served by another, which the next request asks first', async () => {
  const product = await withAccounts({ keys: 2 }, { keys: 2 });
  const { fake } = product;
  const [shutOut] = fake.keys;
  for (const { name, account } of fake.keys) {
    if (account !== shutOut?.account) continue;
    fake.rules.add({
      match: { key: name, model: PAID_MODEL },
      fault: { kind: 'refuse', family: 'data_policy' },
    });
  }
  expect(await ask(product, { model: PAID_MODEL })).toBe(200);
  fake.requests.clear();
  for (let n = 0; n < 4; n += 1) expect(await ask(product, { model: PAID_MODEL })).toBe(200);
  expect(asked(product)).toHaveLength(4);
});

describe('a management key', () => {
  it('is named at the start, and is never sent a request for a model', async () => {
    const product = await startProduct(1, (fake) => void fake.addKey({ isManagement: true }));
    const { system } = product;
    await system.line(({ message }) => message.includes('is a management key'));
    const operator = await operatorOf(system);
    const [key] = (await operator.call('keys.list', {})).keys;
    expect(key?.state).toMatchObject({ kind: 'disabled', cause: { reason: 'management_key' } });
    for (let n = 0; n < 3; n += 1) expect(await ask(product, { model: PAID_MODEL })).toBe(200);
    expect(new Set(asked(product))).toEqual(new Set(['key-2']));
  });
});

it('the rest of what GET /key tells counts although one date of it cannot be right', async () => {
  const data = {
    ...{ expires_at: '0001-01-01T00:00:00Z', creator_user_id: 'user_1', limit_remaining: 1e308 },
    free_model_daily_requests: { limit: 1000, used: 1e300 },
  };
  const product = await startProduct(2, ({ rules }) => {
    const body = JSON.stringify({ data });
    rules.add({ match: { path: '/key' }, fault: { kind: 'answer', status: 200, body } });
  });
  const operator = await operatorOf(product.system);
  const accounts = async () =>
    (await operator.call('keys.list', {})).keys.map(({ account }) => account);
  await expect.poll(async () => new Set(await accounts()).size).toBe(1);
  expect(await ask(product, { model: PAID_MODEL })).toBe(200);
});
