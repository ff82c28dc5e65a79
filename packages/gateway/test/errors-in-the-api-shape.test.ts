import { describe, expect, it } from 'vitest';
import { rawPost, rawRequest, startTestGateway } from './support/gateway.ts';
import { headerLines, statusOf, type Message } from './support/http-message.ts';
import { answering, OK, response, startRecordingUpstream } from './support/recording-upstream.ts';

const UNREACHABLE = 'http://127.0.0.1:1/api/v1';
const bodyOf = (answer: Message): unknown => JSON.parse(answer.body.toString());

it("is OpenRouter's own on every API but one", async () => {
  const gateway = await startTestGateway(UNREACHABLE);
  const answer = await gateway.send(rawPost('{}', ['X-Request-ID: r-1']));
  expect(bodyOf(answer)).toEqual({
    error: {
      code: 502,
      type: 'upstream_error',
      message: expect.any(String) as string,
      metadata: {
        source: 'gateway',
        error_type: 'provider_unavailable',
        request_id: 'r-1',
        reason: 'upstream_unreachable',
      },
    },
  });
  expect(headerLines(answer, 'content-type')).toEqual(['application/json']);
  expect(headerLines(answer, 'cache-control')).toEqual(['no-store']);
});

it.each([
  '/api/v1/messages',
  '/v1/messages?beta=true',
  '/api/v1/v1/messages',
  '/v1/messages/count_tokens',
])("is Anthropic's at %s", async (path) => {
  const gateway = await startTestGateway(UNREACHABLE, { rules: { countTokens: 'pass' } });
  const lines = ['Content-Length: 2', 'X-Request-ID: r-1'];
  const answer = await gateway.send(rawRequest('POST', path, lines, '{}'));
  expect(statusOf(answer)).toBe(502);
  expect(bodyOf(answer)).toMatchObject({
    type: 'error',
    error: { type: 'api_error', metadata: { source: 'gateway', reason: 'upstream_unreachable' } },
    request_id: 'r-1',
  });
});

it('tells a client nothing of the inside', async () => {
  const gateway = await startTestGateway(UNREACHABLE);
  const answer = await gateway.send(rawPost('{}'));
  expect(answer.body.toString()).not.toMatch(/ECONNREFUSED|127\.0\.0\.1|\.ts|node_modules/);
  await expect
    .poll(() => gateway.records[0]?.failure?.cause)
    .toMatchObject({
      message: expect.stringContaining('ECONNREFUSED') as string,
    });
});

describe('an error of OpenRouter', () => {
  it.each([
    ['400 Bad Request', '{"error":{"message":"x is not a valid model ID","code":400}}'],
    ['404 Not Found', '{"error":{"message":"No endpoints found for x.","code":404}}'],
    ['403 Forbidden', '{"error":{"message":"flagged","code":403,"metadata":{"reasons":["x"]}}}'],
    ['400 Bad Request', '{"success":false,"error":{"name":"ZodError","message":"[]"}}'],
    ['500 Internal Server Error', '{"error":{"message":"Internal Server Error","code":500}}'],
    ['503 Service Unavailable', '{"error":{"message":"Provider returned error","code":503}}'],
    ['529 Overloaded', '{"type":"error","error":{"type":"overloaded_error","message":"x"}}'],
    ['418 Teapot', ''],
  ])('%s is passed on as it is when to wait would take too long: %s', async (status, body) => {
    const upstream = await startRecordingUpstream(
      answering(
        response(status, body, [
          'Content-Type: application/json',
          'Retry-After: 31',
          'X-Generation-Id: gen-1',
        ]),
      ),
    );
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(rawPost('{}'));
    expect(statusOf(answer)).toBe(Number(status.slice(0, 3)));
    expect(answer.body.toString()).toBe(body);
    expect(headerLines(answer, 'retry-after')).toEqual(['31']);
    expect(headerLines(answer, 'x-generation-id')).toEqual(['gen-1']);
    expect(upstream.requests()).toHaveLength(1);
  });

  it.each(['2', '-5', '99999999999', 'Wed, 21 Oct 2015 07:28:00 GMT', 'garbage'])(
    'that limits a key goes to the key service with its Retry-After as it stood (%s), and another key is tried',
    async (retryAfter) => {
      const refusal = response('429 Too Many Requests', '{"error":{"message":"x","code":429}}', [
        `Retry-After: ${retryAfter}`,
      ]);
      const upstream = await startRecordingUpstream(answering(refusal, OK));
      const gateway = await startTestGateway(upstream.url);
      const answer = await gateway.send(rawPost('{}'));
      expect(statusOf(answer)).toBe(200);
      await expect.poll(() => gateway.keys.reports).toHaveLength(2);
      expect(gateway.keys.reports[0]?.outcome).toMatchObject({
        kind: 'rate_limited',
        evidence: [{ field: 'retry-after', from: 'header', value: retryAfter }],
      });
      expect(gateway.keys.reports[0]?.keyId).not.toBe(gateway.keys.reports[1]?.keyId);
    },
  );

  it('that lasts for more than a minute says when in its words, and keeps clients from sleeping', async () => {
    const inTwoHours = Date.now() + 2 * 60 * 60_000;
    const headers = [`X-RateLimit-Reset: ${inTwoHours}`, 'Retry-After: 7200'];
    const body = JSON.stringify({
      error: { message: 'Provider returned error', code: 429, metadata: { provider_name: 'X' } },
    });
    const upstream = await startRecordingUpstream(
      answering(response('429 Too Many Requests', body, headers)),
    );
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(rawPost('{}'));
    expect(statusOf(answer)).toBe(429);
    expect(headerLines(answer, 'retry-after')).toEqual([]);
    expect(headerLines(answer, 'x-should-retry')).toEqual(['false']);
    expect(bodyOf(answer)).toMatchObject({
      error: {
        message: expect.stringMatching(
          /^Provider returned error\. Try again at .* UTC, in (2 h|1 h \d+ min)( \d min)?\.$/,
        ) as string,
        type: 'quota_exceeded',
        metadata: { provider_name: 'X', retry_after_ms: expect.any(Number) as number },
      },
    });
  });

  it('says in its header when to come back, also where the upstream says it in the body only', async () => {
    const metadata = { provider_name: 'X', retry_after_seconds: 9 };
    const body = JSON.stringify({
      error: { message: 'Provider returned error', code: 429, metadata },
    });
    const upstream = await startRecordingUpstream(
      answering(response('429 Too Many Requests', body)),
    );
    const gateway = await startTestGateway(upstream.url);
    const answer = await gateway.send(rawPost('{}'));
    expect(statusOf(answer)).toBe(429);
    expect(headerLines(answer, 'retry-after')).toEqual(['9']);
  });

  it('that refuses a key once, 401, is reported, and another key is tried', async () => {
    const refusal = response(
      '401 Unauthorized',
      '{"error":{"message":"User not found.","code":401}}',
    );
    const upstream = await startRecordingUpstream(answering(refusal, OK));
    const gateway = await startTestGateway(upstream.url);
    expect(statusOf(await gateway.send(rawPost('{}')))).toBe(200);
    await expect.poll(() => gateway.keys.outcomes()).toEqual(['unauthorized', 'success']);
    for (const secret of gateway.keys.secrets) {
      expect(JSON.stringify([gateway.log, gateway.keys.reports])).not.toContain(secret);
    }
  });
});
