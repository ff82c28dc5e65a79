import { rm } from 'node:fs/promises';
import type { LogLine } from '@openrouter-proxy/end-to-end';
import { startFakeOpenRouter, type FakeOpenRouter } from '@openrouter-proxy/fake-openrouter';
import { afterAll, expect, onTestFinished } from 'vitest';
import { operatorOf } from './operator.ts';
import { launchSystem, newFolder, startSystem, type System } from './system.ts';

/** A paid model and a free one, both known to the fake. */
export const PAID_MODEL = 'openai/gpt-4o';
export const FREE_MODEL = 'deepseek/deepseek-r1:free';

/** The whole product in front of a fake OpenRouter of its own. */
export interface Product {
  fake: FakeOpenRouter;
  system: System;
  /** Base URL for clients of the OpenAI kind. */
  openAiUrl: string;
  /** Base URL for clients of the Anthropic kind. */
  anthropicUrl: string;
  accessKey: string;
}

/** Gives a test the product with so many keys, each of an account of its own, and others that are added before. */
export type StartProduct = (
  keys?: number,
  addOthers?: (fake: FakeOpenRouter) => void,
  settings?: Record<string, unknown>,
) => Promise<Product>;

/** Starts the product for one test: for tests that kill it, or that look at its start or its totals. */
export const startProduct: StartProduct = async (keys, addOthers, settings) => {
  const fake = await startFakeOpenRouter();
  onTestFinished(() => fake.stop());
  addKeys(fake, keys, addOthers);
  return productOf(fake, await startSystem({ settings: settingsFor(fake, settings) }));
};

/** How a shared product is set up. */
export interface SharedOptions {
  /** Section `server` of its configuration. */
  server?: Record<string, unknown>;
  /** Gives the address at which the product reaches the fake. */
  reachedAt?: (fake: FakeOpenRouter) => string | Promise<string>;
}

/**
 * Has the tests of a file share one running product and its fake OpenRouter. For each test the fake is reset
 * and a reload brings new keys of new accounts, so that no limit of an earlier test holds. Totals go on.
 */
export function sharedProduct({
  server = {},
  reachedAt = ({ url }) => url,
}: SharedOptions = {}): StartProduct {
  let shared: { system: System; folder: string; fake: FakeOpenRouter } | undefined;
  afterAll(async () => {
    if (shared === undefined) return;
    await shared.system.stop();
    await shared.fake.stop();
    await rm(shared.folder, { recursive: true });
  });
  return async (keys, addOthers, settings) => {
    const fake = shared?.fake ?? (await startFakeOpenRouter());
    fake.reset();
    addKeys(fake, keys, addOthers);
    const wanted = {
      ...settingsFor(fake, { base_url: await reachedAt(fake), ...settings }),
      server,
    };
    const past = new Set(shared?.system.lines());
    if (shared !== undefined) await reload(shared.system, wanted);
    else {
      const folder = await newFolder();
      shared = { fake, folder, system: await launchSystem({ folder, settings: wanted }) };
    }
    await everyKeyIsChecked(shared.system);
    return productOf(fake, without(past, shared.system));
  };
}

/** Has tests of a file that only look share one product, which `prepare` makes ready for the first of them. */
export function productForAll(
  start: () => Promise<Product>,
  prepare: (product: Product) => Promise<void>,
): () => Promise<Product> {
  let product: Promise<Product> | undefined;
  const begin = async () => {
    const started = await start();
    await prepare(started);
    return started;
  };
  return () => (product ??= begin());
}

function addKeys(
  fake: FakeOpenRouter,
  keys = 3,
  addOthers: (fake: FakeOpenRouter) => void = () => undefined,
): void {
  addOthers(fake);
  for (let n = 0; n < keys; n += 1) fake.addKey();
}

const settingsFor = (fake: FakeOpenRouter, settings: Record<string, unknown> = {}) => ({
  openrouter: { base_url: fake.url, keys: fake.keys.map(({ secret }) => secret), ...settings },
});

async function reload(system: System, changed: ReturnType<typeof settingsFor>): Promise<void> {
  await system.configure({ ...system.settings, openrouter: changed.openrouter });
  const operator = await operatorOf(system);
  expect(await operator.call('service.reload', {})).toMatchObject({ outcome: 'applied' });
}

/** The accounts of the keys are known then. */
async function everyKeyIsChecked(system: System): Promise<void> {
  const operator = await operatorOf(system);
  const unchecked = async () =>
    (await operator.call('keys.list', {})).keys.filter(({ check }) => check === null).length;
  await expect.poll(unchecked).toBe(0);
}

/** A system without the lines of the log that an earlier test left. */
function without(past: ReadonlySet<LogLine>, system: System): System {
  return {
    ...system,
    lines: () => system.lines().filter((line) => !past.has(line)),
    line: (fits) => system.line((line) => !past.has(line) && fits(line)),
  };
}

const productOf = (fake: FakeOpenRouter, system: System): Product => ({
  ...{ fake, system, accessKey: system.accessKey },
  openAiUrl: `${system.url}/api/v1`,
  anthropicUrl: `${system.url}/api`,
});
