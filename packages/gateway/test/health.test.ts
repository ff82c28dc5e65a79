import { expect, it } from 'vitest';
import { rawRequest, startTestGateway } from './support/gateway.ts';
import { headerLines, statusOf, type Message } from './support/http-message.ts';

const UNREACHABLE = 'http://127.0.0.1:1/api/v1';
const bodyOf = (answer: Message): unknown => JSON.parse(answer.body.toString());

it.each(['/health', '/health/live', '/health/ready'])(
  '%s is 200 when all is well',
  async (path) => {
    const gateway = await startTestGateway(UNREACHABLE);
    const answer = await gateway.send(rawRequest('GET', path));
    expect(statusOf(answer)).toBe(200);
    expect(bodyOf(answer)).toEqual({ status: 'ok' });
    expect(headerLines(answer, 'cache-control')).toEqual(['no-store']);
  },
);

it('is 503 with the reason while the key service is away, though the gateway lives', async () => {
  const gateway = await startTestGateway(UNREACHABLE);
  await gateway.keys.kill();
  const [health, ready, live] = await Promise.all(
    ['/health', '/health/ready', '/health/live'].map((path) =>
      gateway.send(rawRequest('GET', path)),
    ),
  );
  expect(health && statusOf(health)).toBe(503);
  expect(health && bodyOf(health)).toEqual({
    status: 'degraded',
    reasons: [expect.stringMatching(/^The key service does not answer since .* UTC\.$/)],
  });
  expect(ready && statusOf(ready)).toBe(503);
  expect(live && statusOf(live)).toBe(200);
});

it('is degraded, but ready, while no key can serve', async () => {
  const gateway = await startTestGateway(UNREACHABLE);
  gateway.keys.secrets = [];
  expect(statusOf(await gateway.send(rawRequest('GET', '/health')))).toBe(503);
  expect(statusOf(await gateway.send(rawRequest('GET', '/health/ready')))).toBe(200);
});

it('tells who has the key more', async () => {
  const gateway = await startTestGateway(UNREACHABLE);
  const answer = await gateway.send(rawRequest('GET', '/health?verbose=1'));
  expect(bodyOf(answer)).toMatchObject({ status: 'ok', kms: { version: 'test' }, gateway: {} });
});

it('answers HEAD, and refuses what is neither GET nor HEAD', async () => {
  const gateway = await startTestGateway(UNREACHABLE);
  const head = await gateway.send(rawRequest('HEAD', '/health/live'));
  expect(statusOf(head)).toBe(200);
  expect(head.body).toHaveLength(0);
  expect(statusOf(await gateway.send(rawRequest('POST', '/health')))).toBe(405);
});
