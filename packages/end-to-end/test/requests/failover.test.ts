import { describe, expect, it } from 'vitest';
import type { Fault } from '@openrouter-proxy/fake-openrouter';
import { FREE_MODEL, PAID_MODEL, sharedProduct, type Product } from '../support/product.ts';

const startProduct = sharedProduct();

const PATHS = {
  chat: ['/api/v1/chat/completions', '[DONE]'],
  completions: ['/api/v1/completions', '[DONE]'],
  responses: ['/api/v1/responses', 'response.completed'],
  messages: ['/api/v1/messages', 'message_stop'],
} as const;

function ask(
  { system, accessKey }: Product,
  body: object,
  path = '/api/v1/chat/completions',
  headers: Record<string, string> = {},
): Promise<Response> {
  const messages = [{ role: 'user', content: 'Hello' }];
  const prompt = path.endsWith('/responses') ? { input: 'Hello' } : { messages, prompt: 'Hello' };
  return fetch(system.url + path, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${accessKey}`,
      'content-type': 'application/json',
      ...headers,
    },
    body: JSON.stringify({ model: PAID_MODEL, max_tokens: 100, ...prompt, ...body }),
  });
}

const posts = ({ fake }: Product) =>
  fake.requests.records.filter(({ method }) => method === 'POST');

describe.each(Object.entries(PATHS))('a stream of %s', (_api, [path, end]) => {
  it.each<[what: string, fault: Fault]>([
    ['an error as its first event', { kind: 'stream-error', events: 0 }],
    ['an end before its content', { kind: 'end', when: { events: 0 } }],
    ['a reset before its content', { kind: 'reset', when: { events: 0 } }],
  ])('that begins with %s reaches its client whole, by another attempt', async (_what, fault) => {
    const product = await startProduct();
    product.fake.rules.add({ fault, match: { method: 'POST' }, times: 1 });
    const answer = await ask(product, { stream: true }, path);
    expect(answer.status).toBe(200);
    const text = await answer.text();
    expect(text).toContain(end);
    expect(text).toContain('You');
    expect(posts(product)).toHaveLength(2);
    // One request, one answer to pay for.
    expect(
      posts(product).filter(({ complete, status }) => complete && status === 200),
    ).toHaveLength(fault.kind === 'stream-error' ? 2 : 1);
  });

  it('that is cut after its content does not look whole', async () => {
    const product = await startProduct();
    product.fake.rules.add({
      fault: { kind: 'end', when: { events: 2 } },
      match: { method: 'POST' },
    });
    const answer = await ask(product, { stream: true }, path);
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    let failure: unknown;
    for (;;) {
      try {
        const piece = await reader?.read();
        if (piece === undefined || piece.done) break;
        text += piece.value;
      } catch (error) {
        failure = error;
        break;
      }
    }
    expect(failure).toBeDefined();
    expect(text).toContain('"error"');
    expect(text).not.toContain(end);
    expect(posts(product)).toHaveLength(1);
  });
});

it.each(['body', 'choice'] as const)(
  'an error within a 200 (%s) is answered by another attempt',
  async (where) => {
    const product = await startProduct();
    product.fake.rules.add({
      fault: { kind: 'error-in-200', where },
      match: { method: 'POST' },
      times: 1,
    });
    const answer = await ask(product, {});
    expect(await answer.text()).toContain('You said');
    expect(answer.headers.get('x-proxy-attempts')).toBe('2');
  },
);

it('every usable key is tried before a request fails, however many there are', async () => {
  const product = await startProduct(12);
  for (let n = 1; n <= 11; n += 1) {
    const key = product.fake.keys[n - 1];
    if (key !== undefined) key.limit = 0;
  }
  const answer = await ask(product, {});
  expect(answer.status).toBe(200);
  expect(Number(answer.headers.get('x-proxy-attempts'))).toBeLessThanOrEqual(12);
  expect((await ask(product, {})).headers.get('x-proxy-attempts')).toBe('1');
});

it('a request waits for a key where that is wanted, and is served when one returns', async () => {
  const product = await startProduct(1, undefined, { queue_timeout: '5m' });
  product.fake.rules.add({
    match: { method: 'POST' },
    fault: {
      kind: 'answer',
      status: 403,
      headers: { 'content-type': 'application/json', 'retry-after': '2' },
      body: '{"error":{"message":"Key limit exceeded (daily limit)","code":403}}',
    },
    times: 1,
  });
  const answer = await ask(product, {});
  expect(answer.status).toBe(200);
  const queued = /queue;dur=([\d.]+)/.exec(answer.headers.get('server-timing') ?? '')?.[1];
  expect(Number(queued)).toBeGreaterThan(0);
});

it('a conversation stays on one account where that is wanted', async () => {
  const product = await startProduct(4, undefined, { key_selection_opts: ['affinity'] });
  for (let n = 0; n < 6; n += 1) {
    await ask(product, {}, undefined, { 'x-session-id': 'one' });
    await ask(product, {}, undefined, { 'x-session-id': `other ${n}` });
  }
  const keys = posts(product).map(({ key }) => key);
  expect(new Set(keys.filter((_key, index) => index % 2 === 0)).size).toBe(1);
  expect(new Set(keys).size).toBeGreaterThan(1);
});

it('no request to a free model is sent that OpenRouter would refuse', async () => {
  const product = await startProduct(2);
  const answers = await Promise.all(
    Array.from({ length: 60 }, () => ask(product, { model: FREE_MODEL })),
  );
  const served = answers.filter(({ status }) => status === 200);
  // Twenty of each account in a minute; more only if the minute has changed meanwhile.
  expect(served.length).toBeGreaterThanOrEqual(36);
  expect(posts(product).filter(({ status }) => status !== 200)).toEqual([]);
  for (const { status, headers } of answers) {
    if (status !== 200) expect([status, headers.has('retry-after')]).toEqual([429, true]);
  }
});
