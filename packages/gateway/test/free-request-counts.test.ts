import { expect, it } from 'vitest';
import { rawPost, rawRequest, startTestGateway } from './support/gateway.ts';
import { answering, OK, response, startRecordingUpstream } from './support/recording-upstream.ts';

const BODY = '{"model":"a/b:free","messages":[]}';
const post = (path: string) =>
  rawRequest('POST', `/api/v1${path}`, [`Content-Length: ${BODY.length}`], BODY);

it.each(['/chat/completions', '/completions', '/responses', '/messages', '/embeddings'])(
  'a request to %s is booked as one to its model',
  async (path) => {
    const upstream = await startRecordingUpstream(answering(OK));
    const gateway = await startTestGateway(upstream.url);
    await gateway.send(post(path));
    expect(gateway.keys.acquires[0]?.model).toBe('a/b:free');
    await expect.poll(() => gateway.keys.reports).toHaveLength(1);
    expect(gateway.keys.reports[0]).not.toHaveProperty('isUnsent');
  },
);

it.each([
  ['a count of tokens', post('/messages/count_tokens')],
  ['a count of tokens with a query', post('/messages/count_tokens?beta=true')],
  ['a GET', rawRequest('GET', '/api/v1/chat/completions')],
])('%s is no request to a model', async (_what, request) => {
  const upstream = await startRecordingUpstream(answering(response('404 Not Found')));
  const gateway = await startTestGateway(upstream.url, { rules: { countTokens: 'pass' } });
  await gateway.send(request);
  expect(gateway.keys.acquires).toMatchObject([{ model: null, api: 'other' }]);
});

it('a free request that did not reach OpenRouter is given back: no connection', async () => {
  const gateway = await startTestGateway('http://127.0.0.1:1/api/v1');
  await gateway.send(rawPost(BODY));
  await expect.poll(() => gateway.keys.reports.length).toBeGreaterThan(0);
  for (const report of gateway.keys.reports) {
    expect(report).toMatchObject({ outcome: { kind: 'connection_failed' }, isUnsent: true });
  }
});

it('a free request that did not reach OpenRouter is given back: blocked by the edge', async () => {
  const page = response('429 Too Many Requests', '<html>1015</html>', ['Content-Type: text/html']);
  const upstream = await startRecordingUpstream(answering(page));
  const gateway = await startTestGateway(upstream.url);
  await gateway.send(rawPost(BODY));
  await expect.poll(() => gateway.keys.reports).toHaveLength(1);
  expect(gateway.keys.reports[0]).toMatchObject({ isUnsent: true });
});

it('a free request counts when the connection broke after it was sent', async () => {
  const upstream = await startRecordingUpstream(async (connection) => {
    await connection.message();
    connection.reset();
  });
  const gateway = await startTestGateway(upstream.url);
  await gateway.send(rawPost(BODY));
  await expect.poll(() => gateway.keys.reports.length).toBeGreaterThan(0);
  for (const report of gateway.keys.reports) expect(report).not.toHaveProperty('isUnsent');
});
