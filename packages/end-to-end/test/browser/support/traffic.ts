import type { Page } from 'playwright-core';
import { FREE_MODEL, PAID_MODEL, type Product } from '../../support/product.ts';

/** Asks the product something, as a client does. */
export const ask = (
  { system, accessKey }: Product,
  requestId: string,
  body: object = {},
  signal: AbortSignal | null = null,
) =>
  fetch(`${system.url}/api/v1/chat/completions`, {
    method: 'POST',
    signal,
    headers: {
      authorization: `Bearer ${accessKey}`,
      'content-type': 'application/json',
      'x-request-id': requestId,
    },
    body: JSON.stringify({
      model: PAID_MODEL,
      messages: [{ role: 'user', content: 'Hello' }],
      ...body,
    }),
  }).then(async (response) => [response.status, await response.text()] as const);

/** A key's own limit, which ends soon and says so. */
export const limitedFor = (seconds: number) =>
  ({
    kind: 'answer',
    status: 403,
    headers: { 'content-type': 'application/json', 'retry-after': String(seconds) },
    body: '{"error":{"message":"Key limit exceeded (total limit)","code":403}}',
  }) as const;

/** Some requests of each kind: answered, streamed, failed over, refused. */
export async function makeTraffic(product: Product): Promise<void> {
  const { fake } = product;
  for (let n = 0; n < 6; n += 1) await ask(product, `plain-${n}`);
  for (let n = 0; n < 4; n += 1)
    await ask(product, `free-${n}`, { model: FREE_MODEL, stream: true });
  fake.rules.add({ match: { method: 'POST' }, fault: limitedFor(600), times: 1 });
  await ask(product, 'failed-over');
  await ask(product, 'mistaken', { model: 'no/such-model' });
}

/** Waits until the page is told by the gateway what happens. */
export const lives = (page: Page) => page.locator('.freshness-live').waitFor();
