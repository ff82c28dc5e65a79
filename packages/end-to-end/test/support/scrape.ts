import { expect } from 'vitest';
import { FREE_MODEL, PAID_MODEL, type Product } from './product.ts';

/** Makes each event happen once that has a metric. */
export async function makeTrafficForMetrics({ fake, system, accessKey }: Product): Promise<void> {
  fake.rules.add({
    match: { method: 'POST' },
    fault: { kind: 'refuse', family: 'key_limit' },
    times: 1,
  });
  for (const model of [PAID_MODEL, FREE_MODEL]) {
    const response = await fetch(`${system.url}/api/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${accessKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'Hello' }] }),
    });
    expect(response.status).toBe(200);
    await response.text();
  }
  await (await fetch(`${system.url}/api/v1/models`)).text();
}

/** The gateway's metrics in the accepted format. */
export const scrape = async ({ system, accessKey }: Product, accept: string) =>
  (
    await fetch(`${system.url}/metrics`, {
      headers: { authorization: `Bearer ${accessKey}`, accept },
    })
  ).text();
