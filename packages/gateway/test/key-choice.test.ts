import { describe, expect, it } from 'vitest';
import { newSecret, rawPost, rawRequest, startTestGateway } from './support/gateway.ts';
import { headerLines, statusOf } from './support/http-message.ts';
import {
  answering,
  chunk,
  chunkedHead,
  OK,
  response,
  startRecordingUpstream,
  TOO_MANY,
} from './support/recording-upstream.ts';

const USAGE = '{"data":{"limit":null,"limit_remaining":null,"creator_user_id":"user_1"}}';

describe('the key service is told', () => {
  it('the model, as soon as the body has named it', async () => {
    const upstream = await startRecordingUpstream(answering(OK));
    const gateway = await startTestGateway(upstream.url);
    const client = await gateway.connect();
    const body = '{"model":"a/b:free","messages":[]}';
    const head = rawRequest('POST', '/v1/chat/completions', [`Content-Length: ${body.length}`]);
    client.send(head + body.slice(0, 20));
    await expect.poll(() => upstream.received()).toContain(body.slice(0, 20));
    expect(gateway.keys.acquires[0]).toMatchObject({ model: 'a/b:free', api: 'chat' });
    client.send(body.slice(20));
    expect(statusOf(await client.message())).toBe(200);
  });

  it.each(['no JSON', '[]', '{}', '{"model":7}', ''])(
    'no model where there is none: %j',
    async (body) => {
      const upstream = await startRecordingUpstream(answering(OK));
      const gateway = await startTestGateway(upstream.url);
      await gateway.send(rawPost(body));
      expect(gateway.keys.acquires[0]?.model).toBeNull();
    },
  );

  it('the conversation, where conversations are told apart', async () => {
    const upstream = await startRecordingUpstream(answering(OK));
    const gateway = await startTestGateway(upstream.url, { rules: { affinity: true } });
    const hello = { role: 'user', content: 'Hello' };
    await gateway.send(rawPost(JSON.stringify({ model: 'm', messages: [hello] })));
    await gateway.send(rawPost(JSON.stringify({ model: 'm', messages: [hello, hello] })));
    await gateway.send(
      rawPost(JSON.stringify({ model: 'm', messages: [{ ...hello, content: 'x' }] })),
    );
    const [first, second, other] = gateway.keys.acquires.map(({ affinity }) => affinity);
    expect(first).toBeTypeOf('string');
    expect(second).toBe(first);
    expect(other).not.toBe(first);
  });

  it('that a key has proved itself, at the first content of the answer', async () => {
    const content = 'data: {"choices":[{"delta":{"content":"a"}}]}\n\n';
    const upstream = await startRecordingUpstream(answering(chunkedHead() + chunk(': x\n\n')));
    const gateway = await startTestGateway(upstream.url);
    gateway.keys.probe = true;
    const client = await gateway.connect();
    client.send(rawPost('{"stream":true}'));
    await client.until(': x');
    expect(gateway.keys.confirmed).toEqual([]);
    upstream.connections[0]?.send(chunk(content));
    await expect.poll(() => gateway.keys.confirmed).toEqual(['000000000000']);
    expect(gateway.keys.reports).toEqual([]);
    upstream.connections[0]?.send(`${chunk('data: [DONE]\n\n')}0\r\n\r\n`);
    await client.message();
  });
});

describe('a request that waits for a key', () => {
  const forwarding = { queueTimeoutMs: 5_000 };

  it('says how long it may wait, and shows how long it did', async () => {
    const upstream = await startRecordingUpstream(answering(OK));
    const gateway = await startTestGateway(upstream.url, { forwarding });
    const answer = await gateway.send(rawPost('{}'));
    expect(gateway.keys.acquires[0]?.waitMs).toBe(5_000);
    expect(headerLines(answer, 'server-timing')[0]).toMatch(/^queue;dur=0\.00, lease;dur=/);
  });

  it('leaves the line when its client goes away', async () => {
    const upstream = await startRecordingUpstream(answering(OK));
    const gateway = await startTestGateway(upstream.url, { forwarding });
    const mayLease = Promise.withResolvers<undefined>();
    gateway.keys.mayLease = mayLease.promise;
    const client = await gateway.connect();
    client.send(rawPost('{}', ['X-Request-ID: r-7']));
    await expect.poll(() => gateway.keys.asked).toBe(1);
    client.reset();
    const [acquire] = gateway.keys.acquires;
    expect(acquire).toMatchObject({ requestId: 'r-7', internalId: expect.any(String) as string });
    expect(acquire?.internalId).not.toBe('r-7');
    await expect.poll(() => gateway.keys.cancelled).toEqual([acquire?.internalId]);
    mayLease.resolve(undefined);
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['unused']);
  });
});

it('asks OpenRouter about a key when the key service wants to know, and tells it the answer', async () => {
  const upstream = await startRecordingUpstream(answering(response('200 OK', USAGE)));
  const gateway = await startTestGateway(upstream.url);
  gateway.keys.inspect(1);
  await expect.poll(() => gateway.keys.findings).toHaveLength(1);
  expect(gateway.keys.findings[0]).toMatchObject({
    keyId: '000000000001',
    finding: { kind: 'facts', owner: 'user_1/' },
  });
  const [request] = upstream.requests();
  expect(request?.startLine).toBe('GET /api/v1/key HTTP/1.1');
  expect(request && headerLines(request, 'authorization')).toEqual([
    `Bearer ${gateway.keys.secrets[1]}`,
  ]);
});

it('asks OpenRouter for the credits of the account when the key service is in doubt of them', async () => {
  const credits = '{"data":{"total_credits":100.5,"total_usage":25.25}}';
  const upstream = await startRecordingUpstream(
    answering(response('200 OK', USAGE), response('200 OK', credits)),
  );
  const gateway = await startTestGateway(upstream.url);
  gateway.keys.asksCredits = true;
  gateway.keys.inspect(0);
  await expect.poll(() => gateway.keys.findings).toHaveLength(1);
  expect(gateway.keys.findings[0]?.finding).toMatchObject({ kind: 'facts', creditsLeft: 75.25 });
  expect(upstream.requests().map(({ startLine }) => startLine)).toEqual([
    'GET /api/v1/key HTTP/1.1',
    'GET /api/v1/credits HTTP/1.1',
  ]);
});

it('takes in the key’s own facts where OpenRouter does not tell the credits of the account', async () => {
  const forbidden = '{"error":{"code":403,"message":"Only management keys can perform this"}}';
  const upstream = await startRecordingUpstream(
    answering(response('200 OK', USAGE), response('403 Forbidden', forbidden)),
  );
  const gateway = await startTestGateway(upstream.url);
  gateway.keys.asksCredits = true;
  gateway.keys.inspect(0);
  await expect.poll(() => gateway.keys.findings).toHaveLength(1);
  const { finding } = gateway.keys.findings[0] ?? {};
  expect(finding).toMatchObject({ kind: 'facts', owner: 'user_1/' });
  expect(finding).not.toHaveProperty('creditsLeft');
});

it.each([
  ['401 Unauthorized', '{"error":{"message":"User not found.","code":401}}', 'unauthorized'],
  ['500 Internal Server Error', 'x', 'edge_failed'],
  ['200 OK', '<html>', 'edge_failed'],
])('tells the key service what came instead of an answer: %s', async (status, body, kind) => {
  const upstream = await startRecordingUpstream(answering(response(status, body)));
  const gateway = await startTestGateway(upstream.url);
  gateway.keys.inspect(0);
  await expect.poll(() => gateway.keys.findings).toHaveLength(1);
  expect(gateway.keys.findings[0]?.finding).toMatchObject({ kind: 'failed', outcome: { kind } });
});

it.each([
  ['before the head', []],
  ['within the body', [chunkedHead('application/json') + chunk('{')]],
])('gives up a check that falls silent %s at its own deadline', async (_where, sent) => {
  const upstream = await startRecordingUpstream(async (connection) => {
    await connection.message();
    for (const part of sent) connection.send(part);
  });
  const gateway = await startTestGateway(upstream.url, { checkMs: 100 });
  gateway.keys.inspect(0);
  await expect.poll(() => gateway.keys.findings).toHaveLength(1);
  const outcome = { kind: 'connection_failed', detail: 'no answer within 0.1 s' };
  expect(gateway.keys.findings[0]?.finding).toEqual({ kind: 'failed', outcome });
  await upstream.connections[0]?.ended();
});

it('a request that waited for a limit to end may be served under a key that it has tried', async () => {
  const upstream = await startRecordingUpstream(answering(TOO_MANY, TOO_MANY, OK));
  const gateway = await startTestGateway(upstream.url, { secrets: [newSecret(), newSecret()] });
  gateway.keys.noKey = { reason: 'model_limited', retryAfterMs: 1 };
  expect(statusOf(await gateway.send(rawPost('{"model":"a/b"}')))).toBe(200);
  expect(gateway.keys.acquires.map(({ exclude }) => (exclude ?? []).length)).toEqual([0, 1, 2, 0]);
});
