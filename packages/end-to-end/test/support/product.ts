import { startFakeOpenRouter, type FakeOpenRouter } from '@openrouter-proxy/fake-openrouter';
import { onTestFinished } from 'vitest';
import { startSystem, type System } from './system.ts';

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

/** Starts both, with so many keys, each of an account of its own, and others that are added before. */
export async function startProduct(
  keys = 3,
  addOthers: (fake: FakeOpenRouter) => void = () => undefined,
  settings: Record<string, unknown> = {},
): Promise<Product> {
  const fake = await startFakeOpenRouter();
  onTestFinished(() => fake.stop());
  addOthers(fake);
  for (let i = 0; i < keys; i += 1) fake.addKey();
  const system = await startSystem({
    settings: {
      openrouter: { base_url: fake.url, keys: fake.keys.map(({ secret }) => secret), ...settings },
    },
  });
  return {
    fake,
    system,
    openAiUrl: `${system.url}/api/v1`,
    anthropicUrl: `${system.url}/api`,
    accessKey: system.accessKey,
  };
}
