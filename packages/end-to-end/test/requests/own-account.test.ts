import { expect, it } from 'vitest';
import { OpenRouter } from '@openrouter/sdk';
import { PAID_MODEL, sharedProduct, type Product } from '../support/product.ts';

const CLIENTS = { ann: 'a'.repeat(40), bob: 'b'.repeat(40) };
const startProduct = sharedProduct({
  server: { access_keys: Object.entries(CLIENTS).map(([name, key]) => ({ name, key })) },
});
type Client = keyof typeof CLIENTS;

const sdkOf = ({ openAiUrl }: Product, client: Client) =>
  new OpenRouter({ apiKey: CLIENTS[client], serverURL: openAiUrl });

it('a client sees its own use, and nothing of an account', async () => {
  const product = await startProduct(2);
  const before = await sdkOf(product, 'ann').apiKeys.getCurrentKeyMetadata();
  expect(before.data).toMatchObject({ label: 'ann', limit: null, limitRemaining: null });
  const answer = await fetch(`${product.openAiUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${CLIENTS.ann}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: PAID_MODEL, messages: [{ role: 'user', content: 'Hello' }] }),
  });
  expect(answer.status).toBe(200);
  await answer.text();
  await expect
    .poll(async () => (await sdkOf(product, 'ann').apiKeys.getCurrentKeyMetadata()).data.usageDaily)
    .toBeGreaterThan(before.data.usageDaily);
  const ofBob = await sdkOf(product, 'bob').apiKeys.getCurrentKeyMetadata();
  expect(ofBob.data).toMatchObject({ label: 'bob', usageDaily: 0 });
  expect((await sdkOf(product, 'bob').credits.getCredits()).data.totalUsage).toBe(0);
  const raw = await fetch(`${product.openAiUrl}/key`, {
    headers: { authorization: `Bearer ${CLIENTS.ann}` },
  });
  const text = await raw.text();
  for (const { name, secret } of product.fake.keys) {
    expect(text).not.toContain(secret);
    expect(text).not.toContain(name);
  }
});
