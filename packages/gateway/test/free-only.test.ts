import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { rawPost, rawRequest, startTestGateway } from './support/gateway.ts';
import { statusOf } from './support/http-message.ts';
import { answering, OK, response, startRecordingUpstream } from './support/recording-upstream.ts';

const MIB = 1024 * 1024;
const FREE_ONLY = { rules: { freeOnly: true }, server: { maxBodyBytes: 64 * MIB } };

describe('where free models only are served', () => {
  it.each(['/api/v1/models', '/api/v1/models/', '/v1/models?limit=3'])(
    'the list at %s has no others',
    async (path) => {
      const data = ['a/b', 'a/b:free', 'openrouter/free', 'openrouter/auto'].map((id) => ({ id }));
      const body = JSON.stringify({ data, total_count: 4, links: { next: null } });
      const upstream = await startRecordingUpstream(answering(response('200 OK', body)));
      const gateway = await startTestGateway(upstream.url, FREE_ONLY);
      const answer = await gateway.send(rawRequest('GET', path));
      expect(JSON.parse(answer.body.toString())).toEqual({
        data: [{ id: 'a/b:free' }, { id: 'openrouter/free' }],
        total_count: 2,
        links: { next: null },
      });
    },
  );

  it('a list that cannot be read is not passed on', async () => {
    const upstream = await startRecordingUpstream(answering(response('200 OK', '["a/b"]')));
    const gateway = await startTestGateway(upstream.url, FREE_ONLY);
    expect(statusOf(await gateway.send(rawRequest('GET', '/v1/models')))).toBe(502);
  });

  it.each([
    '{"model":"a/b"}',
    '{"model":"a/b:free","models":["a/b:free","a/b"]}',
    '{"model":"a/b:free","model":"a/b"}',
    '{"messages":[]}',
    '{"model":["a/b:free"]}',
    'not JSON',
    '',
  ])('%s is refused with 403 and takes no lease', async (body) => {
    const upstream = await startRecordingUpstream(answering(OK));
    const gateway = await startTestGateway(upstream.url, FREE_ONLY);
    const answer = await gateway.send(rawPost(body));
    expect(statusOf(answer)).toBe(403);
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      error: { type: 'permission_error' },
    });
    expect(upstream.connections).toHaveLength(0);
    expect(gateway.keys.leases).toBe(0);
  });

  it('a body that hides its model in gzip is refused', async () => {
    const upstream = await startRecordingUpstream(answering(OK));
    const gateway = await startTestGateway(upstream.url, FREE_ONLY);
    const body = gzipSync('{"model":"a/b"}').toString('latin1');
    const head = [`Content-Length: ${body.length}`, 'Content-Encoding: gzip'];
    const answer = await gateway.send(
      Buffer.from(rawRequest('POST', '/v1/responses', head, body), 'latin1'),
    );
    expect(statusOf(answer)).toBe(403);
  });

  it('a request for a free model goes upstream as it is', async () => {
    const upstream = await startRecordingUpstream(answering(OK));
    const gateway = await startTestGateway(upstream.url, FREE_ONLY);
    const body = '{ "model" : "a/b:free" }';
    expect(statusOf(await gateway.send(rawPost(body)))).toBe(200);
    expect(upstream.requests()[0]?.body.toString()).toBe(body);
  });

  it.each([
    ['a/b:free', 200],
    ['a/b', 403],
  ])('a body beyond memory that names %s at its end is answered with %i', async (model, status) => {
    const upstream = await startRecordingUpstream(answering(OK));
    const gateway = await startTestGateway(upstream.url, FREE_ONLY);
    const body = JSON.stringify({ messages: 'x'.repeat(17 * MIB), model });
    expect(statusOf(await gateway.send(rawPost(body)))).toBe(status);
    expect(gateway.keys.leases).toBe(status === 200 ? 1 : 0);
  });

  it('a body too large to be looked into is refused', async () => {
    const upstream = await startRecordingUpstream(answering(OK));
    const spool = { folder: path.join(tmpdir(), `no-spool-${process.pid}`), maxBytes: 0 };
    const gateway = await startTestGateway(upstream.url, {
      ...FREE_ONLY,
      spool,
    });
    const answer = await gateway.send(rawPost('x'.repeat(17 * MIB)));
    expect(statusOf(answer)).toBe(413);
    expect(gateway.keys.leases).toBe(0);
  });

  it('a chunked body that grows too large is refused while it is read', async () => {
    const upstream = await startRecordingUpstream(answering(OK));
    const gateway = await startTestGateway(upstream.url, {
      rules: { freeOnly: true },
      server: { maxBodyBytes: 1000 },
    });
    const body = `7d0\r\n${'x'.repeat(2000)}\r\n`;
    const answer = await gateway.send(
      rawRequest('POST', '/v1/x', ['Transfer-Encoding: chunked'], body),
    );
    expect(statusOf(answer)).toBe(413);
  });

  it('a client that goes away while its body is read is no failure', async () => {
    const upstream = await startRecordingUpstream(answering(OK));
    const gateway = await startTestGateway(upstream.url, FREE_ONLY);
    const client = await gateway.connect();
    client.send(rawRequest('POST', '/v1/x', ['Content-Length: 100', 'Expect: 100-continue']));
    await client.until('100 Continue');
    client.reset();
    await expect.poll(() => gateway.records).toHaveLength(1);
    expect(gateway.records[0]?.failure).toBeNull();
  });
});
