import { expect, it } from 'vitest';
import { PAID_MODEL, sharedProduct } from '../support/product.ts';
import { openRouter, sdkClients } from '../support/sdk-clients.ts';

const startProduct = sharedProduct();

const asking = (content: string) => ({
  model: PAID_MODEL,
  messages: [{ role: 'user' as const, content }],
});
const tools = [
  { type: 'function' as const, function: { name: 'weather', parameters: { type: 'object' } } },
];

it('gets a plain and a streamed answer', async () => {
  const client = sdkClients(await startProduct()).find(({ name }) => name === '@openrouter/sdk');
  expect(await client?.plain('Hello', PAID_MODEL)).toBe('You said: Hello – noted.');
  expect(await client?.streamed('Hello', PAID_MODEL)).toBe('You said: Hello – noted.');
});

it('gets a call of a tool', async () => {
  const client = openRouter(await startProduct());
  const answer = await client.chat.send({ chatRequest: { ...asking('Use weather'), tools } });
  expect(answer).toMatchObject({
    choices: [{ message: { toolCalls: [{ function: { name: 'weather' } }] } }],
  });
});

it('gets the upstream’s own words about a mistake of the caller', async () => {
  const client = openRouter(await startProduct());
  const request = { chatRequest: { ...asking('Hello'), model: 'no/such-model' } };
  await expect(client.chat.send(request)).rejects.toMatchObject({
    statusCode: 400,
    message: 'no/such-model is not a valid model ID',
  });
});

it('ends the upstream request when it gives up a stream', async () => {
  const product = await startProduct();
  product.fake.rules.add({ fault: { kind: 'delay', eventMs: 1_000 } });
  const giveUp = new AbortController();
  const answer = await openRouter(product).chat.send(
    { chatRequest: { ...asking('Hello'), stream: true } },
    { fetchOptions: { signal: giveUp.signal } },
  );
  if ('choices' in answer) throw new Error('an answer came where a stream was asked for');
  const reading = (async () => {
    for await (const chunk of answer) if (chunk.choices[0]?.delta.content !== '') giveUp.abort();
  })();
  await expect(reading).rejects.toThrow();
  const record = await product.fake.requests.waitFor(({ abortedAt }) => abortedAt !== null);
  expect(record.complete).toBe(false);
});

it('lists the models, which must fit its strict types', async () => {
  const models = await openRouter(await startProduct()).models.list();
  expect(JSON.stringify(models).length).toBeGreaterThan(400_000);
});

it('reads what is known of the key', async () => {
  const answer = await openRouter(await startProduct()).apiKeys.getCurrentKeyMetadata();
  expect(answer.data).toMatchObject({ isFreeTier: false, limit: null });
});
