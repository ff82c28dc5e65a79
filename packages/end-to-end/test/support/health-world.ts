import { startFakeOpenRouter, type FakeOpenRouter } from '@openrouter-proxy/fake-openrouter';
import { expect, onTestFinished } from 'vitest';
import { startFront, type Front } from './front.ts';
import { kms } from './surfaces.ts';
import { startSystem, temporaryFolder, type StartOptions, type System } from './system.ts';

const KEYS = 2;

/** The product, a fake OpenRouter, and what stands between them. */
export interface World {
  readonly fake: FakeOpenRouter;
  readonly front: Front;
  readonly system: System;
  readonly folder: string;
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
  const folder = await temporaryFolder();
  const keys = fake.keys.map(({ secret }) => secret);
  const openrouter = { base_url: front.url, keys };
  const settings = { ...options.settings, openrouter };
  const system = await startSystem({ ...options, folder, settings });
  return { fake, front, system, folder };
}

/** The product in front of a fake that is well. */
export async function startWorld(): Promise<World> {
  const fake = await startFake();
  const world = await startBehind(fake, await startFront(fake));
  await expect.poll(() => kms(world.system, 'status')).toMatch(/^pool +serving$/m);
  return world;
}
