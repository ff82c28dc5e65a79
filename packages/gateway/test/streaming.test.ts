import { expect, it } from 'vitest';
import { rawPost, rawRequest, startTestGateway } from './support/gateway.ts';
import { headerLines, statusOf } from './support/http-message.ts';
import { chunk, chunkedHead, startRecordingUpstream } from './support/recording-upstream.ts';
import type { RawConnection } from './support/raw-connection.ts';

const event = (text: string) => `data: {"choices":[{"delta":{"content":"${text}"}}]}\n\n`;

/** An upstream that sends the head of a stream at once, and the rest when told. */
async function startStream(path = '/api/v1/chat/completions') {
  const opened = Promise.withResolvers<RawConnection>();
  const upstream = await startRecordingUpstream(async (connection) => {
    await connection.message();
    connection.send(chunkedHead());
    opened.resolve(connection);
  });
  const gateway = await startTestGateway(upstream.url);
  const client = await gateway.connect();
  const body = '{"stream":true}';
  client.send(rawRequest('POST', path, [`Content-Length: ${body.length}`], body));
  return { gateway, client, source: await opened.promise };
}

it('sends the head with the first comment, before there is any event', async () => {
  const { client, source } = await startStream();
  source.send(chunk(': \n\n'));
  await client.until('\r\n\r\n');
  expect(client.received).toMatch(/^HTTP\/1.1 200 OK\r\n/);
});

it('sends each event on before the next one comes', async () => {
  const { client, source } = await startStream();
  for (let n = 0; n < 50; n += 1) {
    source.send(chunk(event(`<${n}>`)));
    await client.until(`<${n}>`);
  }
  source.send(`${chunk('data: [DONE]\n\n')}0\r\n\r\n`);
  const answer = await client.message();
  expect(answer).toMatchObject({ framing: 'chunked', complete: true });
  expect(answer.body.toString()).toBe(
    Array.from({ length: 50 }, (_, n) => event(`<${n}>`)).join('') + 'data: [DONE]\n\n',
  );
});

it.each([
  ['/api/v1/chat/completions', ': OPENROUTER PROCESSING\n\n'],
  ['/api/v1/responses', ': \n\n'],
  ['/api/v1/messages', 'event: ping\ndata: {"type":"ping"}\n\n'],
])('on %s sends %j on at once', async (path, comment) => {
  const { client, source } = await startStream(path);
  source.send(chunk(comment));
  await client.until(comment);
});

it('says of a stream what the upstream says, and that it is complete at its end', async () => {
  const { gateway, client, source } = await startStream();
  source.send(`${chunk(event('x'))}${chunk('data: [DONE]\n\n')}0\r\n\r\n`);
  const answer = await client.message();
  expect(statusOf(answer)).toBe(200);
  expect(headerLines(answer, 'content-type')).toEqual(['text/event-stream']);
  await expect.poll(() => gateway.records[0]?.verdict).toBe('complete');
  await expect.poll(() => gateway.keys.outcomes()).toEqual(['success']);
});

it('holds the upstream back when the client does not read', async () => {
  const { client, source } = await startStream();
  source.send(chunk(event('x')));
  await client.until('\r\n\r\n');
  client.socket.pause();
  const piece = chunk(`${'x'.repeat(65_534)}\n\n`);
  for (let n = 0; n < 1_000; n += 1) source.send(piece);
  const waiting: number[] = [];
  await expect
    .poll(
      () => waiting.push(source.socket.writableLength) > 3 && new Set(waiting.slice(-3)).size === 1,
      {
        interval: 100,
      },
    )
    .toBe(true);
  // What left the upstream is what the sockets on the way hold: a few MiB of the 64.
  expect(source.socket.writableLength).toBeGreaterThan(40 * 1024 * 1024);
  client.socket.resume();
  source.send(`${chunk('data: [DONE]\n\n')}0\r\n\r\n`);
  const expected = event('x').length + 1_000 * 65_536 + 'data: [DONE]\n\n'.length;
  expect((await client.message()).body).toHaveLength(expected);
});

it('gives a stream up whose client reads nothing for longer than a silence may last', async () => {
  const opened = Promise.withResolvers<RawConnection>();
  const upstream = await startRecordingUpstream(async (connection) => {
    await connection.message();
    connection.send(chunkedHead());
    for (let n = 0; n < 400; n += 1) connection.send(chunk('x'.repeat(65_536)));
    opened.resolve(connection);
  });
  const gateway = await startTestGateway(upstream.url, { forwarding: { idleTimeoutMs: 1_000 } });
  const client = await gateway.connect();
  client.socket.pause();
  client.send(rawPost('{"stream":true}'));
  await (await opened.promise).ended();
  // The upstream was not at fault.
  await expect.poll(() => gateway.keys.outcomes()).toEqual(['client_abort']);
});
