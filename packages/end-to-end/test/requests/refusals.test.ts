import type { ErrorFamily } from '@openrouter-proxy/fake-openrouter';
import { describe, expect, it } from 'vitest';
import { operatorOf } from '../support/operator.ts';
import { FREE_MODEL, PAID_MODEL, sharedProduct, type Product } from '../support/product.ts';

const startProduct = sharedProduct();

const HALF_AN_HOUR_MS = 30 * 60_000;

function ask({ system, accessKey }: Product, model: string): Promise<Response> {
  return fetch(`${system.url}/api/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${accessKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] }),
  });
}

/** The keys that inference requests were sent under, in turn. */
const asked = ({ fake }: Product) =>
  fake.requests.records.filter(({ method }) => method === 'POST').map(({ key }) => key);

async function states(product: Product): Promise<string[]> {
  const { keys } = await (await operatorOf(product.system)).call('keys.list', {});
  return keys.map(({ state, limits }) =>
    [state.kind, ...limits.map(({ scope }) => scope)].join(' '),
  );
}

describe('a refusal for the key’s or its account’s sake is answered by another key, and not met again', () => {
  it.each<[family: ErrorFamily, model: string, state: string]>([
    ['free_per_minute', FREE_MODEL, 'available account'],
    ['free_per_day', FREE_MODEL, 'available account'],
    ['key_limit', PAID_MODEL, 'cooling'],
    ['key_limit_402', PAID_MODEL, 'cooling'],
    ['insufficient_credits', PAID_MODEL, 'available account'],
    ['in_flight_budget', PAID_MODEL, 'available account'],
    ['workspace_budget', PAID_MODEL, 'available account'],
    ['unnamed_limit', PAID_MODEL, 'available key-model'],
    ['model_throttled', PAID_MODEL, 'available account-model'],
  ])('%s', async (family, model, state) => {
    // The fake's clock is half an hour ahead, so no limit that names an instant ends during the test.
    const product = await startProduct(3, (fake) => fake.clock.set(Date.now() + HALF_AN_HOUR_MS));
    product.fake.rules.add({
      match: { key: 'key-1', method: 'POST' },
      fault: { kind: 'refuse', family },
    });
    const answer = await ask(product, model);
    expect([answer.status, answer.headers.get('x-proxy-attempts')]).toEqual([200, '2']);
    for (let n = 0; n < 4; n += 1) expect((await ask(product, model)).status).toBe(200);
    expect(asked(product).filter((key) => key === 'key-1')).toHaveLength(1);
    expect(await states(product)).toEqual([state, 'available', 'available']);
  });

  it('unauthorized, after which the key rests until OpenRouter has been asked about it', async () => {
    const product = await startProduct();
    const [first] = product.fake.keys;
    if (first === undefined) throw new Error('the fake has no key');
    first.revoked = true;
    for (let n = 0; n < 5; n += 1) expect((await ask(product, PAID_MODEL)).status).toBe(200);
    expect(await states(product)).toEqual(['cooling', 'available', 'available']);
    expect(asked(product).filter((key) => key === 'key-1').length).toBeLessThanOrEqual(1);
  });
});

describe('a provider’s trouble is answered by trying again, and blames no key', () => {
  it.each<ErrorFamily>([
    'provider_shared_pool',
    'provider_google',
    'capacity_exhausted',
    'timeout',
    'internal',
    'provider_failed',
    'unavailable',
    'overloaded',
  ])('%s', async (family) => {
    const product = await startProduct();
    product.fake.rules.add({
      match: { method: 'POST' },
      fault: { kind: 'refuse', family },
      times: 1,
    });
    const answer = await ask(product, PAID_MODEL);
    expect([answer.status, answer.headers.get('x-proxy-attempts')]).toEqual([200, '2']);
    expect(await states(product)).toEqual(['available', 'available', 'available']);
  });
});

describe('what the caller did wrong is passed on at once, and sets nothing aside', () => {
  it.each<[family: ErrorFamily, status: number]>([
    ['moderation', 403],
    ['management_only', 403],
    ['invalid_model', 400],
    ['bad_request', 400],
    ['provider_bad_request', 400],
    ['not_found', 404],
    ['payload_too_large', 413],
    ['unprocessable', 422],
    ['request_too_expensive', 402],
  ])('%s', async (family, status) => {
    const product = await startProduct();
    product.fake.rules.add({ match: { method: 'POST' }, fault: { kind: 'refuse', family } });
    const answer = await ask(product, PAID_MODEL);
    expect(answer.status).toBe(status);
    expect(await answer.text()).toContain('"error"');
    expect(asked(product)).toHaveLength(1);
    expect(await states(product)).toEqual(['available', 'available', 'available']);
  });
});

it('a block of this address that several requests meet stops all requests for a while, and blames no key', async () => {
  const product = await startProduct();
  product.fake.rules.add({
    match: { method: 'POST' },
    fault: { kind: 'refuse', family: 'edge_blocked' },
  });
  // A success of a moment ago, such as that of a key check, keeps the circuit breaker closed.
  let held: Response | undefined;
  let sent = 0;
  const askAgain = async () => {
    const before = asked(product).length;
    held = await ask(product, PAID_MODEL);
    sent = asked(product).length - before;
    return held.status;
  };
  await expect.poll(askAgain).toBe(503);
  expect(sent).toBe(0);
  expect(asked(product).length).toBeGreaterThanOrEqual(3);
  expect(Number(held?.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await states(product)).toEqual(['available', 'available', 'available']);
});

it('says that OpenRouter refuses every key, to clients and to who looks, and not that it is away', async () => {
  const product = await startProduct();
  const health = async () =>
    (await (await fetch(`${product.system.url}/health`)).json()) as unknown;
  expect(await health()).toEqual({ status: 'ok' });
  for (const key of product.fake.keys) key.revoked = true;
  const refused = async () => (await ask(product, PAID_MODEL)).text();
  await expect.poll(refused).toContain('OpenRouter refuses every key of this gateway (401)');
  const reason = expect.stringMatching(
    /^OpenRouter refuses all 3 keys since .* UTC: HTTP 401 User not found\.$/,
  ) as string;
  expect(await health()).toEqual({ status: 'degraded', reasons: [reason] });
});

it('one refusal is enough for five keys of one account', async () => {
  const product = await startProduct(0, (fake) => {
    const account = fake.addAccount({ freePerDay: 0 });
    for (let n = 0; n < 5; n += 1) fake.addKey({ account });
    fake.addKey();
  });
  const operator = await operatorOf(product.system);
  // The keys are asked about at the start, one after the other.
  await expect
    .poll(async () => (await operator.call('service.status', {})).sharedAccounts)
    .toMatchObject([{ keys: ['key-1', 'key-2', 'key-3', 'key-4', 'key-5'] }]);
  for (let n = 0; n < 6; n += 1) expect((await ask(product, FREE_MODEL)).status).toBe(200);
  expect(product.fake.requests.records.filter(({ status }) => status === 429)).toHaveLength(0);
  expect(new Set(asked(product))).toEqual(new Set(['key-6']));
});

it('says when to come back when every account’s free requests are used up', async () => {
  const product = await startProduct(0, (fake) => {
    fake.addKey({ account: fake.addAccount({ freePerMinute: 1 }) });
  });
  await ask(product, FREE_MODEL);
  await ask(product, FREE_MODEL);
  const refused = await ask(product, FREE_MODEL);
  expect(refused.status).toBe(429);
  const seconds = Number(refused.headers.get('retry-after'));
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThanOrEqual(60);
  expect(await refused.json()).toMatchObject({
    error: { metadata: { source: 'gateway', reason: 'keys_limited' } },
  });
  expect((await ask(product, PAID_MODEL)).status).toBe(200);
});
