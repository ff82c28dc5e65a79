import { expect, it } from 'vitest';
import {
  GATEWAY_ERRORS,
  GatewayError,
  type GatewayErrorCode,
} from '../src/errors/gateway-error.ts';
import { startErrorServer, type ErrorScript } from './support/error-server.ts';
import { sdkCalls } from './support/sdk-calls.ts';

const WORDS = 'The gateway says so.';
const CODES = Object.keys(GATEWAY_ERRORS) as GatewayErrorCode[];
const HOUR_MS = 3_600_000;

/** The messages of an error and its causes. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return `no error, but ${JSON.stringify(error)}`;
  const { message, name, cause } = error;
  return `${name}: ${message}${cause === undefined ? '' : `; ${wordsOf(cause)}`}`;
}

async function heardBy(script: ErrorScript): Promise<Record<string, string>> {
  const { url } = await startErrorServer(script);
  const calls = sdkCalls('none').filter(({ streamed }) => streamed || script.where === 'document');
  const heard = calls.map(async ({ name, streamed, run }) => {
    const words = await run(url).then((text) => `success: ${JSON.stringify(text)}`, wordsOf);
    return [`${name}${streamed ? ', streamed' : ''}`, words] as const;
  });
  return Object.fromEntries(await Promise.all(heard));
}

const silent = (heard: Record<string, string>) =>
  Object.entries(heard).filter(
    ([, words]) => !words.includes(WORDS) || /ZodError|TypeError|Validation/.test(words),
  );

it.each(CODES)('%s is an error with our words in every SDK', async (code) => {
  const error = new GatewayError(code, WORDS, { retryAfterMs: 8_000 });
  expect(silent(await heardBy({ error, where: 'document' }))).toEqual([]);
});

it.each(CODES)('%s within a stream is an error with our words in every SDK', async (code) => {
  const error = new GatewayError(code, WORDS, { retryAfterMs: HOUR_MS });
  expect(silent(await heardBy({ error, where: 'stream' }))).toEqual([]);
});

it('a firm refusal is an error with our words in every SDK', async () => {
  const error = new GatewayError('keys_limited', WORDS, { retryAfterMs: HOUR_MS }).firm();
  expect(silent(await heardBy({ error, where: 'document' }))).toEqual([]);
});

const byItself = sdkCalls('as usual').filter(({ streamed }) => streamed);
const keysLimited = (retryAfterMs: number) =>
  new GatewayError('keys_limited', WORDS, { retryAfterMs });

// The AI SDK does not read x-should-retry: it repeats twice, within 6 s.
it.each(byItself.filter(({ name }) => !name.startsWith('ai:')))(
  '$name does not wait where every key is limited for an hour',
  async ({ run }) => {
    const server = await startErrorServer({ error: keysLimited(HOUR_MS), where: 'document' });
    await expect(run(server.url)).rejects.toThrow(WORDS);
    expect(server.requests()).toBe(1);
  },
);

// OpenRouter's SDK repeats requests only after 5xx.
it.each(byItself.filter(({ name }) => !name.startsWith('@openrouter')))(
  '$name comes back by itself where a key can serve within a minute',
  async ({ run }) => {
    const script = { error: keysLimited(1_000), where: 'document', times: 1 } as const;
    const server = await startErrorServer(script);
    expect(await run(server.url)).toBe('Hello');
    expect(server.requests()).toBe(2);
  },
);
