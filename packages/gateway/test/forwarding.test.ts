import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { ACCESS_KEY, startTestGateway } from './support/gateway.ts';

async function startUpstream(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1`;
}

const authorization = `Bearer ${ACCESS_KEY}`;

it('sends a request upstream under a leased key and its answer back', async () => {
  const seen: IncomingMessage[] = [];
  const upstream = await startUpstream((request, response) => {
    seen.push(request);
    request.pipe(response);
  });
  const gateway = await startTestGateway(upstream);
  const response = await fetch(`${gateway.url}/v1/chat/completions?x=1`, {
    method: 'POST',
    headers: { authorization },
    body: '{"model":"a/b"}',
  });
  expect(await response.text()).toBe('{"model":"a/b"}');
  expect(response.status).toBe(200);
  expect(response.headers.get('x-proxy-attempts')).toBe('1');
  expect(seen[0]?.url).toBe('/api/v1/chat/completions?x=1');
  expect(gateway.keys.secrets).toContain(seen[0]?.headers.authorization?.slice(7));
  await expect.poll(() => gateway.keys.reports).toMatchObject([{ outcome: { kind: 'success' } }]);
});

it('repeats a refused request on another key, body and all', async () => {
  const bodies: string[] = [];
  const upstream = await startUpstream((request, response) => {
    void text(request).then((body) => {
      if (bodies.push(body) === 3) response.end('{"answer":"served"}');
      else response.writeHead(429).end('{"error":{"message":"Too many","code":429}}');
    });
  });
  const gateway = await startTestGateway(upstream);
  const response = await fetch(`${gateway.url}/api/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization },
    body: 'the body',
  });
  expect(await response.text()).toBe('{"answer":"served"}');
  expect(bodies).toEqual(['the body', 'the body', 'the body']);
  await expect
    .poll(() => gateway.keys.reports.map(({ outcome }) => outcome.kind))
    .toEqual(['rate_limited', 'rate_limited', 'success']);
});

it('says when to come back once every key has refused', async () => {
  const upstream = await startUpstream((_request, response) => {
    response.writeHead(429).end('{"error":{"message":"Too many","code":429}}');
  });
  const gateway = await startTestGateway(upstream);
  const response = await fetch(`${gateway.url}/api/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization },
    body: 'x',
  });
  expect(response.status).toBe(429);
  expect(response.headers.get('retry-after')).toBe('7');
  expect(await response.json()).toMatchObject({
    error: { code: 429, type: 'rate_limit_error', metadata: { source: 'gateway' } },
  });
});
