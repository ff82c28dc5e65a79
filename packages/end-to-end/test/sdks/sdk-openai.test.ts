import OpenAI from 'openai';
import { expect, it } from 'vitest';
import { PAID_MODEL, sharedProduct } from '../support/product.ts';
import { openAi } from '../support/sdk-clients.ts';

const startProduct = sharedProduct();

const hello = [{ role: 'user' as const, content: 'Hello' }];
const tools = [
  {
    type: 'function' as const,
    function: { name: 'weather', parameters: { type: 'object', properties: {} } },
  },
];

it('gets a plain and a streamed chat completion, with usage', async () => {
  const client = openAi(await startProduct());
  const plain = await client.chat.completions.create({ model: PAID_MODEL, messages: hello });
  expect(plain.choices[0]?.message.content).toBe('You said: Hello – noted.');
  expect(plain.usage?.total_tokens).toBeGreaterThan(0);
  const stream = await client.chat.completions.create({
    model: PAID_MODEL,
    messages: hello,
    stream: true,
  });
  const chunks = await Array.fromAsync(stream);
  const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
  expect(text).toBe('You said: Hello – noted.');
  expect(chunks.at(-1)?.usage?.total_tokens).toBeGreaterThan(0);
});

it('gets a plain and a streamed response', async () => {
  const client = openAi(await startProduct());
  const plain = await client.responses.create({ model: PAID_MODEL, input: 'Hello' });
  expect(plain.output_text).toBe('You said: Hello – noted.');
  const stream = await client.responses.create({ model: PAID_MODEL, input: 'Hello', stream: true });
  const events = await Array.fromAsync(stream);
  expect(events[0]?.type).toBe('response.created');
  expect(events.at(-1)?.type).toBe('response.completed');
});

it('gets a call of a tool, plain and streamed', async () => {
  const client = openAi(await startProduct());
  const messages = [{ role: 'user' as const, content: 'Use weather for Paris' }];
  const plain = await client.chat.completions.create({ model: PAID_MODEL, messages, tools });
  expect(plain.choices[0]).toMatchObject({
    finish_reason: 'tool_calls',
    message: { tool_calls: [{ function: { name: 'weather', arguments: '{"city":"Paris"}' } }] },
  });
  const stream = client.chat.completions.stream({ model: PAID_MODEL, messages, tools });
  const final = await stream.finalChatCompletion();
  expect(final.choices[0]?.message.tool_calls?.[0]).toMatchObject({
    function: { name: 'weather' },
  });
});

it('gets the upstream’s own words about a mistake of the caller', async () => {
  const client = openAi(await startProduct());
  const failure: unknown = await client.chat.completions
    .create({ model: 'no/such-model', messages: hello })
    .catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(OpenAI.BadRequestError);
  expect(failure).toMatchObject({ status: 400 });
  expect(String(failure)).toContain('no/such-model is not a valid model ID');
});

it('ends the upstream request when it gives up a stream', async () => {
  const product = await startProduct();
  product.fake.rules.add({ fault: { kind: 'delay', eventMs: 1_000 } });
  const stream = await openAi(product).chat.completions.create({
    model: PAID_MODEL,
    messages: hello,
    stream: true,
  });
  for await (const chunk of stream) {
    if (chunk.choices[0]?.delta.content !== '') break;
  }
  const record = await product.fake.requests.waitFor(({ abortedAt }) => abortedAt !== null);
  expect(record.complete).toBe(false);
  const line = await product.system.line(({ verdict }) => verdict === 'client_abort');
  expect(line).toMatchObject({ level: 'INFO', status: 200 });
});

it('lists the models', async () => {
  const models = await Array.fromAsync(openAi(await startProduct()).models.list());
  expect(models.length).toBeGreaterThanOrEqual(400);
});

it('gets embeddings', async () => {
  const client = openAi(await startProduct());
  const answer = await client.embeddings.create({
    model: PAID_MODEL,
    input: ['a', 'b'],
    encoding_format: 'float',
  });
  expect(answer.data).toHaveLength(2);
});
