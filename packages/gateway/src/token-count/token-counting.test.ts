import { expect, it } from 'vitest';
import type { Logger } from '@openrouter-proxy/runtime';
import { TokenCounting } from './token-counting.ts';

const warnings: string[] = [];
const silent = () => undefined;
const logger: Logger = {
  log: silent,
  debug: silent,
  info: silent,
  warning: (message) => void warnings.push(message),
  error: silent,
  critical: silent,
};
const bodyOf = (text: string) => new Uint8Array(new TextEncoder().encode(text));

it('counts by length what the thread does not count in time, and starts another thread for the next', async () => {
  const late = new TokenCounting({ logger, countMs: 1 });
  const lengths = [1_000, 4_001].map((length) => late.count(bodyOf('x'.repeat(length))));
  expect(await Promise.all(lengths)).toEqual([
    { kind: 'counted', model: null, tokens: 250 },
    { kind: 'counted', model: null, tokens: 1_001 },
  ]);
  expect(warnings).toEqual(['tokens could not be counted: they are estimated by length']);
  late.stop();
});

it('counts after a stop', async () => {
  const counting = new TokenCounting({ logger });
  const body = JSON.stringify({ model: 'a/b', messages: [{ role: 'user', content: 'Hi' }] });
  const first = counting.count(bodyOf(body));
  counting.stop();
  expect(await first).toMatchObject({ model: null });
  expect(await counting.count(bodyOf(body))).toMatchObject({ model: 'a/b', tokens: 5 });
  counting.stop();
});
