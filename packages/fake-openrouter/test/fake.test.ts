import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ERROR_FAMILIES, type ErrorFamily } from '../src/errors/error-families.ts';
import { startFakeOpenRouter, type FakeOpenRouter } from '../src/server/server.ts';

const PAID = 'openai/gpt-4o';
const FREE = 'deepseek/deepseek-r1:free';
const NOON = Date.UTC(2026, 9, 2, 12);

async function start(): Promise<FakeOpenRouter> {
  const fake = await startFakeOpenRouter();
  onTestFinished(() => fake.stop());
  fake.clock.set(NOON);
  return fake;
}

function ask(
  fake: FakeOpenRouter,
  {
    key = fake.keys[0]?.secret,
    path = '/chat/completions',
    ...body
  }: { key?: string | null | undefined; path?: string; [member: string]: unknown } = {},
): Promise<Response> {
  const input =
    path === '/responses'
      ? { input: 'Hello' }
      : { messages: [{ role: 'user', content: 'Hello' }], prompt: 'Hello' };
  return fetch(fake.url + path, {
    method: 'POST',
    headers: key === null ? {} : { authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: PAID, max_tokens: 50, ...input, ...body }),
  });
}

async function tell<T>(fake: FakeOpenRouter, path: string, key = fake.keys[0]?.secret): Promise<T> {
  const response = await fetch(fake.url + path, { headers: { authorization: `Bearer ${key}` } });
  return (await response.json()) as T;
}

interface Refusal {
  error: { code: number; message: string; metadata?: Record<string, unknown> };
}

describe('the free limits of an account', () => {
  it('are reached by the twenty-first request of a minute, under whichever of its keys', async () => {
    const fake = await start();
    const account = fake.addAccount();
    const keys = [fake.addKey({ account }), fake.addKey({ account })];
    for (let n = 0; n < 20; n += 1) {
      expect((await ask(fake, { key: keys[n % 2]?.secret, model: FREE })).status).toBe(200);
    }
    const refused = await ask(fake, { key: keys[0]?.secret, model: FREE });
    expect(refused.status).toBe(429);
    expect(refused.headers.get('x-ratelimit-limit')).toBe('20');
    expect(refused.headers.get('x-ratelimit-reset')).toBe(String(NOON + 60_000));
    const { error } = (await refused.json()) as Refusal;
    expect(error.message).toBe('Rate limit exceeded: free-models-per-min. ');
    expect(error.metadata).toMatchObject({
      limit_source: 'openrouter_free_tier_per_minute',
      headers: { 'X-RateLimit-Reset': String(NOON + 60_000) },
    });
    expect((await ask(fake, { key: keys[0]?.secret })).status).toBe(200);
    fake.clock.set(NOON + 60_000);
    expect((await ask(fake, { key: keys[0]?.secret, model: FREE })).status).toBe(200);
  });

  it('are reached in a UTC day too, and refused requests count', async () => {
    const fake = await start();
    fake.addKey({ account: fake.addAccount({ freePerDay: 2 }) });
    const statuses = [];
    for (let n = 0; n < 4; n += 1) statuses.push((await ask(fake, { model: FREE })).status);
    expect(statuses).toEqual([200, 200, 429, 429]);
    const { data } = await tell<{ data: { free_model_daily_requests: object } }>(fake, '/key');
    expect(data.free_model_daily_requests).toEqual({ limit: 2, remaining: 0, used: 4 });
    fake.clock.set(Date.UTC(2026, 9, 3));
    expect((await ask(fake, { model: FREE })).status).toBe(200);
  });
});

describe('a key', () => {
  it('is refused when it is unknown, missing or revoked', async () => {
    const fake = await start();
    const key = fake.addKey();
    const messages = async (secret: string | null) => {
      const response = await ask(fake, { key: secret });
      return [response.status, ((await response.json()) as Refusal).error.message];
    };
    expect(await messages('sk-or-v1-unknown')).toEqual([401, 'User not found.']);
    expect(await messages(null)).toEqual([401, 'No cookie auth credentials found']);
    key.revoked = true;
    expect(await messages(key.secret)).toEqual([401, 'User not found.']);
  });

  it('has a cap that is spent, and filled up again when its period begins anew', async () => {
    const fake = await start();
    const key = fake.addKey({ limit: 0.000_001, limitReset: 'daily' });
    while ((await ask(fake)).status === 200);
    expect(((await (await ask(fake)).json()) as Refusal).error.message).toMatch(
      /^Key limit exceeded/,
    );
    const { data } = await tell<{ data: object }>(fake, '/key');
    expect(data).toMatchObject({
      limit_remaining: 0,
      limit_reset: 'daily',
      creator_user_id: key.account.userId,
    });
    fake.clock.set(Date.UTC(2026, 9, 3));
    expect((await ask(fake)).status).toBe(200);
  });

  it('serves nobody when its account owes money, not even free models', async () => {
    const fake = await start();
    fake.addKey({ account: fake.addAccount({ credits: -1 }) });
    expect([(await ask(fake)).status, (await ask(fake, { model: FREE })).status]).toEqual([
      402, 402,
    ]);
  });
});

describe('a stream', () => {
  it.each([
    ['/chat/completions', ['"role":"assistant"', '"finish_reason":"stop"', '"usage"', '[DONE]']],
    ['/completions', ['"text"', '[DONE]']],
    [
      '/responses',
      ['response.created', 'response.output_text.delta', 'response.completed', '[DONE]'],
    ],
    [
      '/messages',
      ['message_start', 'content_block_delta', 'message_delta', 'message_stop', '[DONE]'],
    ],
  ])('of %s has its events in order', async (path, words) => {
    const fake = await start();
    fake.addKey();
    const response = await ask(fake, { path, stream: true });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(response.headers.get('x-generation-id')).toMatch(/^gen-\d+-\w{20}$/);
    const text = await response.text();
    const places = words.map((word) => text.lastIndexOf(word));
    expect(places).not.toContain(-1);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
  });

  it('whose client goes away is seen to be aborted', async () => {
    const fake = await start();
    fake.addKey();
    fake.rules.add({ fault: { kind: 'delay', eventMs: 30 } });
    const giveUp = new AbortController();
    const response = await fetch(`${fake.url}/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${fake.keys[0]?.secret}` },
      body: JSON.stringify({ model: PAID, stream: true, messages: [] }),
      signal: giveUp.signal,
    });
    expect(response.status).toBe(200);
    giveUp.abort();
    const record = await fake.requests.waitFor(({ abortedAt }) => abortedAt !== null);
    expect(record).toMatchObject({ complete: false, model: PAID });
  });
});

describe('a rule', () => {
  it.each(Object.keys(ERROR_FAMILIES) as ErrorFamily[])(
    'refuses as OpenRouter does: %s',
    async (family) => {
      const fake = await start();
      fake.addKey();
      fake.rules.add({ fault: { kind: 'refuse', family } });
      const response = await ask(fake);
      const text = await response.text();
      if (family === 'edge_blocked') {
        expect([response.status, text]).toEqual([429, expect.stringContaining('<!doctype html>')]);
        return;
      }
      expect((JSON.parse(text) as Refusal).error.code).toBe(response.status);
    },
  );

  it('is for the requests it fits, after so many and so often', async () => {
    const fake = await start();
    fake.addKey({ name: 'a' });
    fake.addKey({ name: 'b' });
    fake.rules.add({
      match: { key: 'a', model: PAID },
      fault: { kind: 'answer', status: 418, body: 'x' },
      after: 1,
      times: 2,
    });
    const [a, b] = fake.keys.map(({ secret }) => secret);
    const statuses = [];
    for (const key of [a, b, a, a, a]) statuses.push((await ask(fake, { key })).status);
    expect(statuses).toEqual([200, 200, 418, 418, 200]);
  });

  it.each([
    ['raw bytes', { kind: 'raw', bytes: 'HTTP/1.1 099 Odd\r\n\r\n' }, /099/],
    ['an end', { kind: 'end', when: 'before-headers' }, /^$/],
  ] as const)('can give %s', async (_what, fault, expected) => {
    const fake = await start();
    fake.rules.add({ fault });
    const socket = connect(fake.port, '127.0.0.1');
    socket.write('GET /api/v1/key HTTP/1.1\r\nHost: x\r\n\r\n');
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    expect(text).toMatch(expected);
  });
});

describe('what OpenRouter tells', () => {
  it('has four hundred models of all kinds, for anybody', async () => {
    const fake = await start();
    const { data } = await tell<{ data: { id: string; pricing: { prompt: string } }[] }>(
      fake,
      '/models',
      'bad',
    );
    expect(data.length).toBeGreaterThanOrEqual(400);
    const zero = data.filter(({ pricing }) => pricing.prompt === '0');
    expect(zero.some(({ id }) => !id.endsWith(':free'))).toBe(true);
    expect(data.some(({ id }) => id.startsWith('~'))).toBe(true);
    expect(data.some(({ pricing }) => pricing.prompt === '-1')).toBe(true);
  });

  it('knows a generation a moment after it was made', async () => {
    const fake = await start();
    fake.addKey();
    const { id } = (await (await ask(fake)).json()) as { id: string };
    const look = async () =>
      (
        await fetch(`${fake.url}/generation?id=${id}`, {
          headers: { authorization: `Bearer ${fake.keys[0]?.secret}` },
        })
      ).status;
    expect([await look(), await look()]).toEqual([404, 200]);
  });

  it('has no way to count tokens', async () => {
    const fake = await start();
    fake.addKey();
    expect((await ask(fake, { path: '/messages/count_tokens' })).status).toBe(404);
  });

  it('lets browsers in', async () => {
    const fake = await start();
    const response = await fetch(`${fake.url}/models`, { method: 'OPTIONS' });
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
  });

  it('is compressed for who accepts that', async () => {
    const fake = await start();
    const request = get(`${fake.url}/models`, { headers: { 'accept-encoding': 'gzip' } });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect(response.headers['content-encoding']).toBe('gzip');
    const list = JSON.parse(gunzipSync(await buffer(response)).toString()) as { data: unknown[] };
    expect(list.data.length).toBeGreaterThanOrEqual(400);
  });
});

it('is as at its start after a reset', async () => {
  const fake = await start();
  const { secret } = fake.addKey();
  fake.rules.add({ fault: { kind: 'refuse', family: 'internal' } });
  expect((await ask(fake)).status).toBe(500);
  fake.reset();
  expect([fake.keys, fake.requests.records]).toEqual([[], []]);
  expect(Math.abs(fake.clock.now() - Date.now())).toBeLessThan(Math.abs(NOON - Date.now()));
  expect((await ask(fake, { key: secret })).status).toBe(401);
  expect(fake.addKey().name).toBe('key-1');
  expect((await ask(fake)).status).toBe(200);
});

it('can be told from another process what to do', async () => {
  const fake = await start();
  const key = fake.addKey({ name: 'a' });
  const control = (method: string, path: string, body?: object) =>
    fetch(`http://127.0.0.1:${fake.port}/__control${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  await control('POST', '/revoke', { key: 'a' });
  expect(key.revoked).toBe(true);
  await control('POST', '/restore', { key: 'a' });
  await control('POST', '/cap', { key: 'a', limit: 3 });
  expect([key.revoked, key.limit]).toEqual([false, 3]);
  await control('PUT', '/clock', { now: 5_000 });
  expect(fake.clock.now()).toBeGreaterThanOrEqual(5_000);
  await control('PUT', '/rules', [{ fault: { kind: 'empty' } }]);
  expect(fake.rules.list()).toHaveLength(1);
  expect((await control('POST', '/cap', { key: 'nobody', limit: 3 })).status).toBe(400);
  expect((await control('GET', '/nothing')).status).toBe(404);
});
