import { expect, it } from 'vitest';
import { FREE_MODEL, PAID_MODEL, sharedProduct } from '../support/product.ts';
import { sdkClients } from '../support/sdk-clients.ts';

const startProduct = sharedProduct();

it('serves 1,000 requests of four SDKs without a failure while one key in three is limited', async () => {
  const product = await startProduct();
  const { fake } = product;
  fake.rules.add({
    match: { key: 'key-2' },
    fault: {
      kind: 'answer',
      status: 429,
      headers: { 'content-type': 'application/json', 'retry-after': '3600' },
      body: '{"error":{"message":"Too many requests","code":429}}',
    },
  });
  const clients = sdkClients(product);
  let sent = 0;
  const failures: unknown[] = [];
  const worker = async () => {
    while (sent < 1_000) {
      const turn = sent++;
      const client = clients[turn % clients.length];
      const text = `request ${turn}`;
      const ask =
        turn % 2 === 0 ? client?.plain(text, PAID_MODEL) : client?.streamed(text, PAID_MODEL);
      await ask?.then(
        (answer) => expect(answer).toContain(text),
        (error: unknown) => failures.push(error),
      );
    }
  };
  await Promise.all(Array.from({ length: 20 }, worker));
  expect(failures).toEqual([]);
  const requests = fake.requests.records.filter(({ method }) => method === 'POST');
  const refused = requests.filter(({ status }) => status === 429);
  const served = requests.filter(({ status }) => status === 200);
  expect(served).toHaveLength(1_000);
  expect(refused.every(({ key }) => key === 'key-2')).toBe(true);
  // Those that were under way when the first refusal came, and none after.
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.length).toBeLessThanOrEqual(20);
});

it.each(['limited', 'spent', 'revoked'] as const)(
  'hides from every SDK that one key of three is %s',
  async (trouble) => {
    // The fake's clock is ahead, so that the limit of this minute does not end during the test.
    const product = await startProduct(3, (fake) => fake.clock.set(Date.now() + 30 * 60_000));
    const { fake } = product;
    const [first] = fake.keys;
    if (first === undefined) throw new Error('the fake has no key');
    if (trouble === 'limited') first.account.freePerMinute = 0;
    if (trouble === 'spent') first.limit = 0;
    if (trouble === 'revoked') first.revoked = true;
    const model = trouble === 'limited' ? FREE_MODEL : PAID_MODEL;
    for (const client of sdkClients(product)) {
      expect(await client.plain('Hello', model), client.name).toContain('You said: Hello');
      expect(await client.streamed('Hello', model), client.name).toContain('You said: Hello');
    }
    const refused = fake.requests.records.filter(
      ({ method, status }) => method === 'POST' && status !== 200,
    );
    expect(refused).toHaveLength(1);
  },
);

it.for(['openai', '@anthropic-ai/sdk', '@openrouter/sdk', 'ai with @openrouter/ai-sdk-provider'])(
  'tells %s when to come back once every key is limited',
  async (name) => {
    const product = await startProduct(2);
    for (const key of product.fake.keys) key.account.freePerMinute = 0;
    const client = sdkClients(product).find((candidate) => candidate.name === name);
    const failure: unknown = await client
      ?.plain('Hello', FREE_MODEL)
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
    expect(failure).toMatchObject(
      name.startsWith('openai') || name.startsWith('@anthropic')
        ? { status: 429 }
        : { statusCode: 429 },
    );
    const { headers } = failure as { headers?: Headers };
    if (headers instanceof Headers) {
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    }
  },
);
