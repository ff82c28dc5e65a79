import { startFakeOpenRouter, type FakeOpenRouter } from '@openrouter-proxy/fake-openrouter';
import { afterAll, expect, onTestFinished } from 'vitest';
import { openFront, startFront, type Front } from './front.ts';
import { PAID_MODEL, sharedProduct } from './product.ts';
import { kms } from './surfaces.ts';
import { startSystem, type StartOptions, type System } from './system.ts';

const KEYS = 2;

/** The product, a fake OpenRouter, and what stands between them. */
export interface World {
  readonly fake: FakeOpenRouter;
  readonly front: Front;
  readonly system: System;
}

/** A fake with the keys of the product. */
export async function startFake(): Promise<FakeOpenRouter> {
  const fake = await startFakeOpenRouter();
  onTestFinished(() => fake.stop());
  for (let n = 0; n < KEYS; n += 1) fake.addKey();
  return fake;
}

/** Starts the product behind a front of the fake. */
export async function startBehind(
  fake: FakeOpenRouter,
  front: Front,
  options: Partial<StartOptions> = {},
): Promise<World> {
  const keys = fake.keys.map(({ secret }) => secret);
  const openrouter = { base_url: front.url, keys };
  const settings = { ...options.settings, openrouter };
  const system = await startSystem({ ...options, settings });
  return { fake, front, system };
}

/** Requests that are served keep a few failures of an earlier test from counting as a cause. */
const SERVED = 20;

/** Has the tests of a file share one product behind a front; each begins with everything well. */
export function sharedWorld(): () => Promise<World> {
  let front: Front | undefined;
  afterAll(() => front?.cut());
  const startProduct = sharedProduct({
    reachedAt: async (fake) => (front ??= await openFront(fake)).url,
  });
  return async () => {
    await front?.mend();
    const { fake, system } = await startProduct(KEYS);
    if (front === undefined) throw new Error('the front is missing');
    const world = { fake, front, system };
    for (let n = 0; n < SERVED; n += 1) expect(await ask(world)).toBe(200);
    await expect.poll(() => kms(system, 'status')).toMatch(/^pool +serving$/m);
    return world;
  };
}

/** A product of a test's own behind a front, with everything well: for tests of totals. */
export async function startWorld(): Promise<World> {
  const fake = await startFake();
  const world = await startBehind(fake, await startFront(fake));
  await expect.poll(() => kms(world.system, 'status')).toMatch(/^pool +serving$/m);
  return world;
}

/** A client's request; its status. */
export async function ask({ system }: Pick<World, 'system'>, body: object = {}): Promise<number> {
  const answer = await fetch(`${system.url}/api/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${system.accessKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: PAID_MODEL,
      messages: [{ role: 'user', content: 'Hi' }],
      ...body,
    }),
  });
  // An answer that began with white space, after 30 s, ends abnormally when the request fails.
  await answer.text().catch(() => undefined);
  return answer.status;
}
