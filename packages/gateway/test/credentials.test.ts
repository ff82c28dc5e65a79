import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { ACCESS_KEY, startTestGateway } from './support/gateway.ts';
import { headerLines, statusOf } from './support/http-message.ts';
import { answering, response, startRecordingUpstream } from './support/recording-upstream.ts';

const LIST = response('200 OK', '{"data":[]}');
const basic = (credentials: string) =>
  `Authorization: Basic ${Buffer.from(credentials).toString('base64')}`;
const wrong = randomBytes(16).toString('hex');

/** Each spelling of a credential, and where it opens the door: the API, or the metrics. */
const CREDENTIALS: [string, string[], { api: boolean; metrics: boolean }][] = [
  ['no key', [], { api: false, metrics: false }],
  ['a wrong key', [`Authorization: Bearer ${wrong}`], { api: false, metrics: false }],
  ['an empty key', ['Authorization: Bearer '], { api: false, metrics: false }],
  ['a key without a scheme', [`Authorization: ${ACCESS_KEY}`], { api: false, metrics: false }],
  [
    'a part of the key',
    [`Authorization: Bearer ${ACCESS_KEY.slice(0, -1)}`],
    { api: false, metrics: false },
  ],
  ['more than the key', [`Authorization: Bearer ${ACCESS_KEY}x`], { api: false, metrics: false }],
  [
    'the key in capitals',
    [`Authorization: Bearer ${ACCESS_KEY.toUpperCase()}`],
    { api: false, metrics: false },
  ],
  ['the key as Token', [`Authorization: Token ${ACCESS_KEY}`], { api: false, metrics: false }],
  ['the key in a cookie', [`Cookie: key=${ACCESS_KEY}`], { api: false, metrics: false }],
  ['the key as Bearer', [`Authorization: Bearer ${ACCESS_KEY}`], { api: true, metrics: true }],
  ['the key as bearer', [`authorization: bearer ${ACCESS_KEY}`], { api: true, metrics: true }],
  [
    'the key as BEARER, with spaces',
    [`AUTHORIZATION:   BEARER    ${ACCESS_KEY}  `],
    { api: true, metrics: true },
  ],
  ['the key as x-api-key', [`x-api-key: ${ACCESS_KEY}`], { api: true, metrics: true }],
  ['a wrong x-api-key', [`x-api-key: ${wrong}`], { api: false, metrics: false }],
  ['an empty x-api-key', ['x-api-key: '], { api: false, metrics: false }],
  [
    'x-api-key twice',
    [`x-api-key: ${ACCESS_KEY}`, `x-api-key: ${ACCESS_KEY}`],
    { api: false, metrics: false },
  ],
  ['the key as password', [basic(`anybody:${ACCESS_KEY}`)], { api: false, metrics: true }],
  ['the key as user', [basic(`${ACCESS_KEY}:`)], { api: false, metrics: false }],
  ['a wrong password', [basic(`anybody:${wrong}`)], { api: false, metrics: false }],
  ['Basic that is not base64', ['Authorization: Basic %%%'], { api: false, metrics: false }],
  [
    'a wrong key before the right one',
    [`Authorization: Bearer ${wrong}`, `Authorization: Bearer ${ACCESS_KEY}`],
    { api: false, metrics: false },
  ],
  [
    'a wrong Bearer with the right x-api-key',
    [`Authorization: Bearer ${wrong}`, `x-api-key: ${ACCESS_KEY}`],
    { api: true, metrics: true },
  ],
  [
    'a wrong password with the right x-api-key',
    [basic(`anybody:${wrong}`), `x-api-key: ${ACCESS_KEY}`],
    { api: true, metrics: true },
  ],
  [
    'the key as password with a wrong x-api-key',
    [basic(`anybody:${ACCESS_KEY}`), `x-api-key: ${wrong}`],
    { api: false, metrics: true },
  ],
  [
    'a wrong Bearer with a wrong x-api-key',
    [`Authorization: Bearer ${wrong}`, `x-api-key: ${wrong}x`],
    { api: false, metrics: false },
  ],
  [
    'the right Bearer with a wrong x-api-key',
    [`Authorization: Bearer ${ACCESS_KEY}`, `x-api-key: ${wrong}`],
    { api: true, metrics: true },
  ],
];

const ROUTES: [string, 'open' | 'api' | 'metrics'][] = [
  ['GET /api/v1/models', 'open'],
  ['GET /api/v1/models/a/b/endpoints', 'open'],
  ['GET /health', 'open'],
  ['GET /health/live', 'open'],
  ['GET /health/ready', 'open'],
  ['GET /health?verbose=1', 'api'],
  ['GET /api/v1/modelsx', 'api'],
  ['GET /api/v1/datasets/session-cost', 'api'],
  ['GET /v1/datasets/session-cost', 'api'],
  ['GET /', 'open'],
  ['GET /api', 'open'],
  ['GET /v1', 'open'],
  ['GET /api/v1', 'open'],
  ['POST /api/v1/chat/completions', 'api'],
  ['POST /v1/messages', 'api'],
  ['DELETE /api/v1/things/x', 'api'],
  ['GET /metrics', 'metrics'],
  ['GET /metrics/raw', 'metrics'],
];

it.each(CREDENTIALS)('%s opens what it should and nothing else', async (_what, lines, opens) => {
  const upstream = await startRecordingUpstream(answering(LIST));
  const gateway = await startTestGateway(upstream.url, { sleep: () => Promise.resolve() });
  for (const [route, kind] of ROUTES) {
    const before = upstream.received();
    const head = [`${route} HTTP/1.1`, 'Host: gateway', ...lines, '\r\n'];
    const answer = await gateway.send(head.join('\r\n'));
    const allowed = kind === 'open' || opens[kind];
    expect([route, statusOf(answer)]).toEqual([route, allowed ? 200 : 401]);
    if (allowed) continue;
    expect(upstream.received()).toBe(before);
    expect(answer.body.toString()).toContain('authentication_error');
  }
  expect(gateway.keys.leases).toBe(opens.api ? 6 : 0);
  expect(upstream.received()).not.toContain(ACCESS_KEY);
  expect(upstream.received()).not.toContain(wrong);
  expect(JSON.stringify(gateway.log)).not.toContain(ACCESS_KEY);
});

it('asks a browser for a password at the metrics only', async () => {
  const gateway = await startTestGateway('http://127.0.0.1:1');
  const metrics = await gateway.send('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
  const api = await gateway.send('GET /v1/datasets/session-cost HTTP/1.1\r\nHost: x\r\n\r\n');
  expect(headerLines(metrics, 'www-authenticate')).toEqual([
    'Basic realm="openrouter-proxy", charset="UTF-8"',
  ]);
  expect(headerLines(api, 'www-authenticate')).toEqual([]);
});

it('sends exactly one credential upstream: the leased key', async () => {
  const upstream = await startRecordingUpstream(answering(LIST));
  const gateway = await startTestGateway(upstream.url);
  await gateway.send(
    [
      'GET /v1/datasets/session-cost?q=1 HTTP/1.1',
      'Host: gateway',
      `Authorization: Bearer ${ACCESS_KEY}`,
      `X-API-Key: ${ACCESS_KEY}`,
      `Api-Key: ${ACCESS_KEY}`,
      `Cookie: a=${ACCESS_KEY}`,
      `Proxy-Authorization: Bearer ${ACCESS_KEY}`,
      '\r\n',
    ].join('\r\n'),
  );
  const [request] = upstream.requests();
  expect(request && headerLines(request, 'authorization')).toEqual([
    `Bearer ${gateway.keys.secrets[0] ?? ''}`,
  ]);
  expect(upstream.received()).not.toContain(ACCESS_KEY);
});
