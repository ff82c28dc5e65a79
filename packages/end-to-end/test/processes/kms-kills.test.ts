import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { killChild } from '../support/processes.ts';
import { PAID_MODEL, startProduct } from '../support/product.ts';

/** How often the key service is killed; `KMS_KILLS=24` for about two minutes. */
const KILLS = Number(process.env['KMS_KILLS'] ?? 3);
/** A service that is killed sooner after its start counts as crashed. */
const SOUND_MS = 4_000;
const REQUESTS_PER_SECOND = 50;
/** How long a request waits at least for the key service. */
const PATIENCE_MS = 4_500;

it(
  'serves every request while the key service is killed again and again, and lets streams run',
  { timeout: 600_000 + KILLS * 60_000 },
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
    const eventMs = (KILLS * SOUND_MS) / 2;
    fake.rules.add({ fault: { kind: 'delay', eventMs }, times: 1 });
    const stream = ask({ stream: true }).then((response) => response.text());
    stream.catch(() => undefined); // awaited at the end
    await fake.requests.waitFor(({ method }) => method === 'POST');

    const failures: unknown[] = [];
    const sent: Promise<unknown>[] = [];
    const over = new AbortController();
    const load = async () => {
      while (!over.signal.aborted) {
        const startedAt = performance.now();
        sent.push(
          ask({}).then(
            async (response) => {
              const text = await response.text();
              if (response.status === 200) return;
              // A slow machine may need longer for the restart than a request waits.
              const isPatient = performance.now() - startedAt >= PATIENCE_MS;
              if (!isPatient || response.status !== 503)
                failures.push(`${response.status} ${text}`);
            },
            (error: unknown) => failures.push(error),
          ),
        );
        await sleep(1_000 / REQUESTS_PER_SECOND);
      }
    };
    const loading = load();
    for (let kill = 0; kill < KILLS; kill += 1) {
      await killChild(system.launcher, 'kms');
      await expect.poll(async () => (await ask({})).status).toBe(200); // a new key service runs
      await sleep(SOUND_MS);
    }
    over.abort();
    await loading;
    await Promise.all(sent);
    console.log(`${KILLS} kills under ${sent.length} requests: ${failures.length} failed`);
    expect(failures).toEqual([]);
    expect(await stream).toContain('[DONE]');
  },
);
