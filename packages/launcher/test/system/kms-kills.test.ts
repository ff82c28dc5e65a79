import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { childOf } from './support/processes.ts';
import { PAID_MODEL, startProduct } from './support/product.ts';

/** How long the key service is killed again and again. */
const SECONDS = Number(process.env['KMS_KILLS_SECONDS'] ?? 16);
const KILL_EVERY_MS = 5_000;
const REQUESTS_PER_SECOND = 50;

it(
  'serves every request while the key service is killed every five seconds, and lets streams run',
  { timeout: (SECONDS + 60) * 1_000 },
  async () => {
    const { fake, system, accessKey } = await startProduct();
    const ask = (body: object) =>
      fetch(`${system.url}/api/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${accessKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({
          model: PAID_MODEL,
          messages: [{ role: 'user', content: 'Hello' }],
          ...body,
        }),
      });
    // One stream whose events come slowly, from before the first kill to after the last.
    fake.rules.add({ fault: { kind: 'delay', eventMs: (SECONDS * 1_000) / 8 }, times: 1 });
    const stream = ask({ stream: true }).then((response) => response.text());
    await fake.requests.waitFor(({ method }) => method === 'POST');

    const failures: unknown[] = [];
    const sent: Promise<unknown>[] = [];
    const endAt = performance.now() + SECONDS * 1_000;
    let kills = 0;
    let killAt = performance.now() + 1_000;
    while (performance.now() < endAt) {
      sent.push(
        ask({}).then(
          async (response) => {
            const text = await response.text();
            if (response.status !== 200) failures.push(`${response.status} ${text}`);
          },
          (error: unknown) => failures.push(error),
        ),
      );
      if (performance.now() >= killAt) {
        process.kill(childOf(system.launcher, '/kms/')?.pid ?? NaN, 'SIGKILL');
        kills += 1;
        killAt += KILL_EVERY_MS;
      }
      await sleep(1_000 / REQUESTS_PER_SECOND);
    }
    await Promise.all(sent);
    console.log(`${kills} kills under ${sent.length} requests: ${failures.length} failed`);
    expect(kills).toBeGreaterThanOrEqual(Math.floor(SECONDS / 5));
    expect(failures).toEqual([]);
    expect(await stream).toContain('[DONE]');
  },
);
