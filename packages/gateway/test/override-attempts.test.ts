import { describe, expect, it } from 'vitest';
import { rawPost, rawRequest, startTestGateway } from './support/gateway.ts';
import { headerLines } from './support/http-message.ts';
import { answering, OK, startRecordingUpstream } from './support/recording-upstream.ts';

const NAMES = [
  'api_base',
  'api-base',
  'base_url',
  'base-url',
  'baseURL',
  'endpoint',
  'host',
  'hostname',
  'host-override',
  'x-host',
  'x-forwarded-host',
  'x-forwarded-server',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-original-url',
  'x-original-host',
  'x-rewrite-url',
  'x-http-host-override',
  'x-upstream',
  'x-target',
  'x-proxy-url',
  'x-backend',
  'forwarded',
  'via',
  'origin',
  'target',
  'url',
  'uri',
  'proxy',
  'server',
  'litellm_params',
  'helicone-target-url',
];

describe.each(NAMES)('%s', (name) => {
  it('does not lead a request to another host, in a header, the query or the body', async () => {
    const [upstream, other] = await Promise.all([
      startRecordingUpstream(answering(OK)),
      startRecordingUpstream(answering(OK)),
    ]);
    const gateway = await startTestGateway(upstream.url);
    const place = `127.0.0.1:${other.port}`;
    const url = `http://${place}/api/v1`;
    const asHeader = name === 'host' ? [] : [`${name.replaceAll('_', '-')}: ${url}`];
    await gateway.send(rawPost('{}', asHeader));
    await gateway.send(
      rawRequest('GET', `/api/v1/datasets/session-cost?${name}=${encodeURIComponent(url)}`),
    );
    await gateway.send(rawPost(JSON.stringify({ model: 'a/b', [name]: url })));
    await gateway.send(
      rawRequest('GET', '/api/v1/datasets/session-cost').replace('Host: gateway', `Host: ${place}`),
    );
    expect(other.connections).toHaveLength(0);
    expect(upstream.requests()).toHaveLength(4);
    for (const request of upstream.requests()) {
      expect(headerLines(request, 'host')).toEqual([`127.0.0.1:${upstream.port}`]);
    }
  });
});

it('neither follows a redirect nor passes it on', async () => {
  const other = await startRecordingUpstream(answering(OK));
  const redirect = `HTTP/1.1 307 Temporary Redirect\r\nLocation: ${other.url}\r\nContent-Length: 0\r\n\r\n`;
  const upstream = await startRecordingUpstream(answering(redirect));
  const gateway = await startTestGateway(upstream.url);
  const answer = await gateway.send(rawPost('{}'));
  expect(answer.startLine).toBe('HTTP/1.1 502 Bad Gateway');
  expect(other.connections).toHaveLength(0);
});
