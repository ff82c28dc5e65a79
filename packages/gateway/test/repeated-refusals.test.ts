import { expect, it } from 'vitest';
import { rawPost, rawRequest, startTestGateway } from './support/gateway.ts';
import { headerLines, statusOf } from './support/http-message.ts';

const UNREACHABLE = 'http://127.0.0.1:1/api/v1';
const BODY = '{"model":"m"}';

/** A gateway whose every key is limited for an hour. */
async function startLimited() {
  const gateway = await startTestGateway(UNREACHABLE, { secrets: [] });
  gateway.keys.noKey = { reason: 'cooling', retryAfterMs: 3_600_000 };
  return gateway;
}

it('a client that repeats a 429 in spite of x-should-retry gets 403, which programs do not repeat', async () => {
  const gateway = await startLimited();
  const send = () => gateway.send(rawPost(BODY));
  const [first, second] = [await send(), await send()];
  expect([statusOf(first), statusOf(second)]).toEqual([429, 429]);
  // promptfoo repeats every 429 after a minute, but for those of a quota
  expect(JSON.parse(first.body.toString())).toMatchObject({ error: { type: 'quota_exceeded' } });
  const firm = await send();
  expect(statusOf(firm)).toBe(403);
  expect(headerLines(firm, 'retry-after')).toEqual([]);
  expect(headerLines(firm, 'x-should-retry')).toEqual(['false']);
  const { error } = JSON.parse(firm.body.toString()) as { error: { message: string } };
  expect(error).toMatchObject({
    ...{ code: 403, type: 'permission_error' },
    metadata: {
      reason: 'keys_limited',
      error_type: 'permission_denied',
      retry_after_ms: 3_600_000,
    },
  });
  // opencode repeats whatever has such words in its body
  expect(error.message).not.toMatch(/rate.limit|too many requests|try again (later|in\b)/i);
  expect(statusOf(await gateway.send(rawPost('{"model":"other"}')))).toBe(429);
});

it('the same in the shape of Anthropic', async () => {
  const gateway = await startLimited();
  const length = `Content-Length: ${BODY.length}`;
  const send = () => gateway.send(rawRequest('POST', '/api/v1/messages', [length], BODY));
  await send();
  await send();
  const firm = await send();
  expect(statusOf(firm)).toBe(403);
  expect(JSON.parse(firm.body.toString())).toMatchObject({
    type: 'error',
    error: { type: 'permission_error', metadata: { reason: 'keys_limited' } },
  });
});
