import { generateText, jsonSchema, streamText, type ToolSet } from 'ai';
import { expect, it } from 'vitest';
import { PAID_MODEL, sharedProduct } from '../support/product.ts';
import { aiSdkProvider, sdkClients } from '../support/sdk-clients.ts';

const startProduct = sharedProduct();

const NAME = 'ai with @openrouter/ai-sdk-provider';
const tools: ToolSet = {
  weather: { inputSchema: jsonSchema({ type: 'object', properties: {} }) },
};

it('gets a plain and a streamed answer', async () => {
  const client = sdkClients(await startProduct()).find(({ name }) => name === NAME);
  expect(await client?.plain('Hello', PAID_MODEL)).toBe('You said: Hello – noted.');
  expect(await client?.streamed('Hello', PAID_MODEL)).toBe('You said: Hello – noted.');
});

it('gets a call of a tool', async () => {
  const provider = aiSdkProvider(await startProduct());
  const { toolCalls } = await generateText({
    model: provider(PAID_MODEL),
    prompt: 'Use weather for Paris',
    tools,
    maxRetries: 0,
  });
  expect(toolCalls).toMatchObject([{ toolName: 'weather', input: { city: 'Paris' } }]);
});

it('gets the upstream’s own words about a mistake of the caller', async () => {
  const provider = aiSdkProvider(await startProduct());
  await expect(
    generateText({ model: provider('no/such-model'), prompt: 'Hello', maxRetries: 0 }),
  ).rejects.toMatchObject({ statusCode: 400, message: 'no/such-model is not a valid model ID' });
});

it('ends the upstream request when it gives up a stream', async () => {
  const product = await startProduct();
  product.fake.rules.add({ fault: { kind: 'delay', eventMs: 1_000 } });
  const giveUp = new AbortController();
  const { textStream } = streamText({
    model: aiSdkProvider(product)(PAID_MODEL),
    prompt: 'Hello',
    abortSignal: giveUp.signal,
    onError: () => undefined,
  });
  for await (const piece of textStream) if (piece !== '') giveUp.abort();
  const record = await product.fake.requests.waitFor(({ abortedAt }) => abortedAt !== null);
  expect(record.complete).toBe(false);
});
