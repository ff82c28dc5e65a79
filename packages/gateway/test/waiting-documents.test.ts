import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { rawRequest, startTestGateway, type GatewayOptions } from './support/gateway.ts';
import { headerLines, statusOf } from './support/http-message.ts';
import type { RawConnection } from './support/raw-connection.ts';
import {
  answering,
  chunk,
  chunkedHead,
  OK,
  response,
  startRecordingUpstream,
  type Script,
} from './support/recording-upstream.ts';

const KEEPALIVE: GatewayOptions = { forwarding: { keepaliveAfterMs: 30 } };
const APIS = ['chat/completions', 'completions', 'responses', 'messages', 'embeddings'];

function post(path: string, body = '{"model":"m"}'): string {
  return rawRequest('POST', `/api/v1/${path}`, [`Content-Length: ${body.length}`], body);
}

/** Resolves once the client has the head and a first byte of the answer. */
async function hasBegun(client: RawConnection): Promise<void> {
  await expect.poll(() => client.received).toMatch(/\r\n\r\n1\r\n\n/);
}

/** An upstream that says nothing until the client has got white space, then `answers` in turn. */
function afterWhiteSpace(clients: RawConnection[], ...answers: string[]): Script {
  const answer = answering(...answers);
  return async (connection, index) => {
    await connection.message();
    for (const client of clients) await hasBegun(client);
    return answer(connection, index);
  };
}

async function start(...answers: string[]) {
  const clients: RawConnection[] = [];
  const upstream = await startRecordingUpstream(afterWhiteSpace(clients, ...answers));
  const gateway = await startTestGateway(upstream.url, KEEPALIVE);
  const client = await gateway.connect();
  clients.push(client);
  return { upstream, gateway, client };
}

describe('a client that waits for a document', () => {
  it.each(APIS)('gets the head and white space before the answer of %s', async (api) => {
    const { gateway, client } = await start(
      response('200 OK', '{"ok":true}', ['Content-Type: application/json', 'X-Generation-Id: g']),
    );
    client.send(post(api));
    const answer = await client.message();
    expect(answer).toMatchObject({ complete: true, framing: 'chunked' });
    expect(statusOf(answer)).toBe(200);
    expect(headerLines(answer, 'content-type')).toEqual(['application/json']);
    expect(headerLines(answer, 'x-generation-id')).toEqual([]);
    expect(answer.body.toString()).toMatch(/^\n+\{"ok":true\}$/);
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['success']);
    await expect.poll(() => gateway.records[0]?.generationId).toBe('g');
  });

  it('gets the answer of another attempt', async () => {
    const refusal = response('429 Too Many Requests', '{"error":{"message":"x","code":429}}');
    const { gateway, client } = await start(refusal, response('200 OK', '{"id":'), OK);
    client.send(post('chat/completions'));
    const answer = await client.message();
    expect(JSON.parse(answer.body.toString())).toEqual({ ok: true });
    await expect
      .poll(() => gateway.keys.outcomes())
      .toEqual(['rate_limited', 'truncated', 'success']);
  });

  it.each(APIS)('sees an error document and an abnormal end at %s when it fails', async (api) => {
    const { gateway, client } = await start(response('200 OK', ''));
    client.send(post(api));
    const answer = await client.message();
    expect(answer.complete).toBe(false);
    expect(statusOf(answer)).toBe(200);
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      error: { metadata: { reason: 'upstream_failed', source: 'gateway' } },
    });
    await expect.poll(() => gateway.records[0]?.verdict).toBe('error');
    await expect
      .poll(() => gateway.keys.recorded.flatMap(({ requests }) => requests))
      .toMatchObject([{ verdict: 'error', failure: 'upstream_failed' }]);
  });

  it("sees OpenRouter's own error document and an abnormal end when that is the answer", async () => {
    const body = '{"error":{"message":"No such model","code":400}}';
    const { gateway, client } = await start(response('400 Bad Request', body));
    client.send(post('chat/completions'));
    const answer = await client.message();
    expect(answer.complete).toBe(false);
    expect(JSON.parse(answer.body.toString())).toEqual(JSON.parse(body));
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['caller_error']);
  });

  it('sees an error document where OpenRouter refuses with a page', async () => {
    const { client } = await start(response('403 Forbidden', '<html>no</html>'));
    client.send(post('chat/completions'));
    const answer = await client.message();
    expect(answer.complete).toBe(false);
    expect(JSON.parse(answer.body.toString())).toHaveProperty('error');
  });

  it('gets white space while it waits for a key', async () => {
    const upstream = await startRecordingUpstream(answering(OK));
    const gateway = await startTestGateway(upstream.url, {
      ...KEEPALIVE,
      forwarding: { ...KEEPALIVE.forwarding, queueTimeoutMs: 60_000 },
    });
    const lease = Promise.withResolvers<undefined>();
    gateway.keys.mayLease = lease.promise;
    const client = await gateway.connect();
    client.send(post('chat/completions'));
    await hasBegun(client);
    lease.resolve(undefined);
    expect((await client.message()).body.toString()).toMatch(/^\n+\{"ok":true\}$/);
  });

  it('gets white space while the upstream sends nothing but blank lines', async () => {
    const upstream = await startRecordingUpstream(async (connection) => {
      await connection.message();
      connection.send(chunkedHead('application/json') + chunk('\n'));
      await hasBegun(client);
      connection.send(`${chunk('\n')}${chunk('{"ok":true}')}0\r\n\r\n`);
    });
    const gateway = await startTestGateway(upstream.url, KEEPALIVE);
    const client = await gateway.connect();
    client.send(post('chat/completions'));
    expect((await client.message()).body.toString()).toMatch(/^\n+\{"ok":true\}$/);
  });

  it('gets white space from another endpoint once its head says that JSON follows', async () => {
    const upstream = await startRecordingUpstream(async (connection) => {
      await connection.message();
      connection.send(chunkedHead('application/json'));
      await hasBegun(client);
      connection.send(`${chunk('{"ok":true}')}0\r\n\r\n`);
    });
    const gateway = await startTestGateway(upstream.url, KEEPALIVE);
    const client = await gateway.connect();
    client.send(post('images'));
    expect((await client.message()).body.toString()).toMatch(/^\n+\{"ok":true\}$/);
  });

  it('gets a large document behind the white space, and nothing within it', async () => {
    const text = 'x'.repeat(2_000_000);
    const upstream = await startRecordingUpstream(async (connection) => {
      await connection.message();
      await hasBegun(client);
      connection.send(chunkedHead('application/json') + chunk(`{"text":"${text}`));
      await expect.poll(() => client.received.length).toBeGreaterThan(1_500_000);
      await sleep(100); // several times as long as white space would need
      connection.send(`${chunk('"}')}0\r\n\r\n`);
    });
    const gateway = await startTestGateway(upstream.url, KEEPALIVE);
    const client = await gateway.connect();
    client.send(post('chat/completions'));
    const answer = await client.message();
    expect(answer.complete).toBe(true);
    expect(answer.body.toString()).toMatch(/^\n+\{"text":"x+"\}$/);
  });

  it('that goes away cancels the request', async () => {
    const upstream = await startRecordingUpstream((connection) => connection.message());
    const gateway = await startTestGateway(upstream.url, KEEPALIVE);
    const client = await gateway.connect();
    client.send(post('chat/completions'));
    await hasBegun(client);
    client.socket.destroy();
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['client_abort']);
    await expect.poll(() => upstream.connections[0]?.socket.destroyed).toBe(true);
  });
});

describe('no white space is sent', () => {
  it.each([
    ['into a stream', 'chat/completions', '{"model":"m","stream":true}', 'data: [DONE]\n\n'],
    ['before the answer of an endpoint that may send bytes', 'audio/speech', '{}', 'RIFF'],
  ])('%s', async (_where, path, body, answered) => {
    const upstream = await startRecordingUpstream(async (connection) => {
      await connection.message();
      await sleep(150); // several times as long as white space would need
      const type = path.startsWith('audio') ? 'audio/wav' : 'text/event-stream';
      connection.send(response('200 OK', answered, [`Content-Type: ${type}`]));
    });
    const gateway = await startTestGateway(upstream.url, KEEPALIVE);
    expect((await gateway.send(post(path, body))).body.toString()).toBe(answered);
  });

  it('into a stream that was not asked for', async () => {
    const events = 'data: {"choices":[{"text":"x","finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';
    const upstream = await startRecordingUpstream(async (connection) => {
      await connection.message();
      connection.send(chunkedHead());
      await sleep(150); // several times as long as white space would need
      connection.send(`${chunk(events)}0\r\n\r\n`);
    });
    const gateway = await startTestGateway(upstream.url, KEEPALIVE);
    expect((await gateway.send(post('completions'))).body.toString()).toBe(events);
  });
});
