import Anthropic from '@anthropic-ai/sdk';
import { expect, it } from 'vitest';
import { operatorOf } from '../support/operator.ts';
import { PAID_MODEL, sharedProduct } from '../support/product.ts';
import { anthropic } from '../support/sdk-clients.ts';

const startProduct = sharedProduct();

const asking = (content: string) => ({
  model: PAID_MODEL,
  max_tokens: 100,
  messages: [{ role: 'user' as const, content }],
});
const tools = [{ name: 'weather', input_schema: { type: 'object' as const, properties: {} } }];

it('gets a plain and a streamed message, with usage', async () => {
  const client = anthropic(await startProduct());
  const plain = await client.messages.create(asking('Hello'));
  expect(plain.content).toMatchObject([{ type: 'text', text: 'You said: Hello – noted.' }]);
  const final = await client.messages.stream(asking('Hello')).finalMessage();
  expect(final.content).toMatchObject([{ type: 'text', text: 'You said: Hello – noted.' }]);
  expect(final.usage.output_tokens).toBeGreaterThan(0);
});

it('gets a call of a tool, plain and streamed', async () => {
  const client = anthropic(await startProduct());
  const request = { ...asking('Use weather for Paris'), tools };
  const call = { type: 'tool_use', name: 'weather', input: { city: 'Paris' } };
  expect((await client.messages.create(request)).content).toMatchObject([call]);
  const final = await client.messages.stream(request).finalMessage();
  expect(final.content).toMatchObject([call]);
  expect(final.stop_reason).toBe('tool_use');
});

it('knows the id of each request, by which the gateway can explain it', async () => {
  const product = await startProduct();
  const client = anthropic(product);
  const message = await client.messages.create(asking('Hello'));
  const operator = await operatorOf(product.system);
  const requestId = message._request_id ?? '';
  const explained = async () => (await operator.call('requests.explain', { requestId })).request;
  await expect.poll(explained).toMatchObject({ end: { status: 200 } });
});

it('gets the upstream’s own words about a mistake of the caller', async () => {
  const client = anthropic(await startProduct());
  const failure: unknown = await client.messages
    .create({ ...asking('Hello'), model: 'no/such-model' })
    .catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Anthropic.BadRequestError);
  expect(String(failure)).toContain('no/such-model is not a valid model ID');
});

it('ends the upstream request when it gives up a stream', async () => {
  const product = await startProduct();
  product.fake.rules.add({ fault: { kind: 'delay', eventMs: 1_000 } });
  const stream = await anthropic(product).messages.create({ ...asking('Hello'), stream: true });
  for await (const event of stream) {
    if (event.type === 'content_block_delta') break;
  }
  const record = await product.fake.requests.waitFor(({ abortedAt }) => abortedAt !== null);
  expect(record.complete).toBe(false);
});

it('is told in its own shape that its access key is wrong', async () => {
  const product = await startProduct();
  const failure: unknown = await anthropic({ ...product, accessKey: 'wrong' })
    .messages.create(asking('Hello'))
    .catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Anthropic.AuthenticationError);
  expect(failure).toMatchObject({ type: 'authentication_error' });
});

it('lists the models', async () => {
  const page = await anthropic(await startProduct()).models.list({ limit: 5 });
  expect(page.data).toHaveLength(5);
});

it('gets an estimate of the tokens of a prompt, without a request to OpenRouter', async () => {
  const product = await startProduct();
  const { data, response } = await anthropic(product)
    .messages.countTokens({
      model: 'anthropic/claude-sonnet-4.5',
      system: 'Answer in one word.',
      tools,
      messages: [{ role: 'user', content: 'What is the capital of France?' }],
    })
    .withResponse();
  expect(data.input_tokens).toBeGreaterThan(360);
  expect(data.input_tokens).toBeLessThan(420);
  expect(response.headers.get('x-token-count')).toBe('estimate');
  expect(product.fake.requests.records.filter(({ method }) => method === 'POST')).toEqual([]);
});
