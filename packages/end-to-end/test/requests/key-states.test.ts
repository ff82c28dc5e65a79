import { setTimeout as sleep } from 'node:timers/promises';
import type { Result } from '@openrouter-proxy/kms-protocol';
import { startFakeOpenRouter } from '@openrouter-proxy/fake-openrouter';
import { expect, it, onTestFinished } from 'vitest';
import { operatorOf } from '../support/operator.ts';
import { killChild } from '../support/processes.ts';
import { PAID_MODEL, startProduct, type Product } from '../support/product.ts';
import { startSystem } from '../support/system.ts';

const ask = (
  { system, accessKey }: Pick<Product, 'system' | 'accessKey'>,
  body: object = {},
  signal?: AbortSignal,
) =>
  fetch(`${system.url}/api/v1/chat/completions`, {
    method: 'POST',
    ...(signal && { signal }),
    headers: { authorization: `Bearer ${accessKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: PAID_MODEL,
      messages: [{ role: 'user', content: 'Hello' }],
      ...body,
    }),
  });

type Keys = Result<'keys.list'>['keys'];

/** Watches the keys until they are as wanted. */
async function keysUntil({ system }: Product, isWanted: (keys: Keys) => boolean): Promise<Keys> {
  const operator = await operatorOf(system);
  for (;;) {
    const { keys } = await operator.call('keys.list', {}).catch(() => ({ keys: [] }));
    if (isWanted(keys)) return keys;
    await sleep(50); // between two looks
  }
}

const unexplained = {
  kind: 'answer',
  status: 403,
  headers: { 'content-type': 'application/json' },
  body: '{"error":{"message":"Key limit exceeded (total limit)","code":403}}',
} as const;

it('a cooldown of unknown length is over when OpenRouter says that the key has credits', async () => {
  const product = await startProduct(3);
  const { fake, system } = product;
  fake.rules.add({ match: { key: 'key-3', method: 'POST' }, fault: unexplained, times: 1 });
  for (let n = 0; n < 3; n += 1) expect((await ask(product)).status).toBe(200);
  const cooled = await system.line(({ message }) => message === 'key cooled');
  expect(cooled).toMatchObject({ key: 'key-3', source: 'default' });
  await killChild(system.launcher, 'kms'); // a service that starts asks about every key
  const isAvailable = ({ state }: Keys[number]) => state.kind === 'available';
  const keys = await keysUntil(product, (all) => all.length === 3 && all.every(isAvailable));
  const asked = fake.requests.records.filter(
    ({ key, url }) => key === 'key-3' && url.endsWith('/key'),
  );
  expect(asked.length).toBeGreaterThan(0);
  expect(keys.map(({ name }) => name)).toEqual(['key-1', 'key-2', 'key-3']);
});

it('a revoked key that OpenRouter knows again returns without anybody having to do a thing', async () => {
  const product = await startProduct(3);
  const { fake, system } = product;
  const [first] = fake.keys;
  if (first === undefined) throw new Error('the fake has no key');
  first.revoked = true;
  for (let n = 0; n < 3; n += 1) expect((await ask(product)).status).toBe(200);
  // One refusal may be OpenRouter's own fault. A service that starts asks about every key.
  await killChild(system.launcher, 'kms');
  const [gone] = await keysUntil(product, (all) => all[0]?.state.kind === 'disabled');
  expect(gone?.state).toMatchObject({ cause: { reason: 'unauthorized', source: 'inspection' } });
  first.revoked = false;
  await killChild(system.launcher, 'kms');
  await keysUntil(product, (all) => all[0]?.state.kind === 'available');
  for (let n = 0; n < 3; n += 1) expect((await ask(product)).status).toBe(200);
  expect(
    fake.requests.records.some(({ key, method }) => key === 'key-1' && method === 'POST'),
  ).toBe(true);
});

it('failures are counted in a row: a success begins anew', async () => {
  const product = await startProduct(1, undefined, { max_attempts: 1 });
  const failed = { kind: 'answer', status: 502, body: 'Bad Gateway' } as const;
  const match = { method: 'POST' };
  // Three failures in a row hold a model back. Here are twice two, with a success between them.
  product.fake.rules.add({ match, fault: failed, times: 2 });
  product.fake.rules.add({ match, fault: failed, times: 2, after: 1 });
  const statuses: number[] = [];
  for (let n = 0; n < 6; n += 1) statuses.push((await ask(product)).status);
  expect(statuses).toEqual([502, 502, 200, 502, 502, 200]);
});

it('no key serves more requests at once than it may', async () => {
  const fake = await startFakeOpenRouter();
  onTestFinished(() => fake.stop());
  for (let n = 0; n < 2; n += 1) fake.addKey();
  // Both keys stay busy until the test lets their requests go.
  fake.rules.add({ match: { method: 'POST' }, fault: { kind: 'stall', when: 'before-headers' } });
  const keys = fake.keys.map(({ secret }) => ({ key: secret, max_concurrency: 1 }));
  const system = await startSystem({ settings: { openrouter: { base_url: fake.url, keys } } });
  const product = { system, accessKey: system.accessKey };
  const leaving = new AbortController();
  const busy = [0, 1].map(() => ask(product, {}, leaving.signal).catch(() => 'aborted'));
  const arrived = () => fake.requests.records.filter(({ method }) => method === 'POST').length;
  await expect.poll(arrived).toBe(2);
  const refused = await ask(product);
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  leaving.abort();
  expect(await Promise.all(busy)).toEqual(['aborted', 'aborted']);
  fake.rules.set([]);
  await expect.poll(async () => (await ask(product)).status).toBe(200);
  const used = fake.requests.records.flatMap(({ method, key }) => (method === 'POST' ? [key] : []));
  expect(used.slice(0, 2).toSorted()).toEqual(['key-1', 'key-2']);
});

it('a streaming client that waits for a key hears comments meanwhile', async () => {
  const product = await startProduct(1, undefined, { queue_timeout: '5m' });
  const fault = { ...unexplained, headers: { ...unexplained.headers, 'retry-after': '7' } };
  product.fake.rules.add({ match: { method: 'POST' }, fault, times: 1 });
  const answer = await ask(product, { stream: true });
  expect(answer.status).toBe(200);
  const text = await answer.text();
  expect(text).toMatch(/^: [^\n]*\n\n/);
  expect(text).toContain('"content":"You"');
  expect(text.trimEnd().endsWith('[DONE]')).toBe(true);
});
