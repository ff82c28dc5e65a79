import { expect, it } from 'vitest';
import { rawRequest, startTestGateway, type GatewayUnderTest } from './support/gateway.ts';
import { headerLines, statusOf, type Message } from './support/http-message.ts';
import { answering, response, startRecordingUpstream } from './support/recording-upstream.ts';

const UNREACHABLE = 'http://127.0.0.1:1/api/v1';
const PATH = '/api/v1/messages/count_tokens';
const asking = (content: unknown, more: object = {}) =>
  JSON.stringify({ model: 'openai/gpt-4o', messages: [{ role: 'user', content }], ...more });
const post = (body: string, path = PATH) =>
  rawRequest('POST', path, [`Content-Length: ${Buffer.byteLength(body)}`], body);
const bodyOf = (answer: Message): unknown => JSON.parse(answer.body.toString());

async function count(gateway: GatewayUnderTest, body: string): Promise<number> {
  const answer = await gateway.send(post(body));
  expect(statusOf(answer)).toBe(200);
  return (bodyOf(answer) as { input_tokens: number }).input_tokens;
}

it.each([
  PATH,
  '/v1/messages/count_tokens',
  '/api/v1/v1/messages/count_tokens?beta=true',
  '/api/v1/messages/count_tokens/',
])('a token count at %s is estimated, without a key and without OpenRouter', async (path) => {
  const gateway = await startTestGateway(UNREACHABLE);
  const answer = await gateway.send(post(asking('Hello, world'), path));
  expect(statusOf(answer)).toBe(200);
  expect(bodyOf(answer)).toEqual({ input_tokens: 7 });
  expect(headerLines(answer, 'x-token-count')).toEqual(['estimate']);
  expect(gateway.keys.acquires).toEqual([]);
  await expect.poll(() => gateway.records[0]).toMatchObject({ model: 'openai/gpt-4o' });
});

it('a token count needs the access key', async () => {
  const gateway = await startTestGateway(UNREACHABLE);
  const request = post(asking('Hello')).replace(/Authorization: .*\r\n/, '');
  expect(statusOf(await gateway.send(request))).toBe(401);
});

it('a token count goes to OpenRouter where the configuration says so', async () => {
  const upstream = await startRecordingUpstream(answering(response('404 Not Found')));
  const gateway = await startTestGateway(upstream.url, { rules: { countTokens: 'pass' } });
  expect(statusOf(await gateway.send(post(asking('Hello'))))).toBe(404);
  expect(upstream.requests()).toHaveLength(1);
});

it.each([
  ['system', asking('Hi', { system: 'Answer in one word.' })],
  ['system in blocks', asking('Hi', { system: [{ type: 'text', text: 'Answer briefly.' }] })],
  ['text', asking([{ type: 'text', text: 'Hi there, gateway.' }])],
  ['thinking', asking([{ type: 'thinking', thinking: 'Let me see, hm.', signature: 'AAAA' }])],
  ['tool_use', asking([{ type: 'tool_use', id: 'a', name: 'weather', input: { city: 'Paris' } }])],
  ['tool_result', asking([{ type: 'tool_result', tool_use_id: 'a', content: 'It is sunny.' }])],
  [
    'tool_result in blocks',
    asking([{ type: 'tool_result', content: [{ type: 'text', text: 'It is sunny.' }] }]),
  ],
  ['tools', asking('Hi', { tools: [{ name: 'weather', input_schema: { type: 'object' } }] })],
  ['an image', asking([{ type: 'image', source: { type: 'base64', data: 'AAAA' } }])],
  ['a document', asking([{ type: 'document', source: { type: 'base64', data: 'AAAA' } }])],
  ['a text document', asking([{ type: 'document', source: { type: 'text', data: 'One two.' } }])],
])('a token count includes %s', async (_what, body) => {
  const gateway = await startTestGateway(UNREACHABLE);
  expect(await count(gateway, body)).toBeGreaterThan(await count(gateway, asking('Hi')));
});

it('a token count of an image does not depend on its bytes', async () => {
  const gateway = await startTestGateway(UNREACHABLE);
  const image = (data: string) => asking([{ type: 'image', source: { type: 'base64', data } }]);
  expect(await count(gateway, image('A'.repeat(300_000)))).toBe(await count(gateway, image('A')));
});

it('a token count takes the names of special tokens as text', async () => {
  const gateway = await startTestGateway(UNREACHABLE);
  expect(await count(gateway, asking('<|endoftext|>'))).toBeGreaterThan(5);
});

it("a token count for Claude's models is higher, as their tokens are smaller", async () => {
  const gateway = await startTestGateway(UNREACHABLE);
  const text = 'The quick brown fox jumps over the lazy dog. '.repeat(10);
  const model = 'anthropic/claude-sonnet-4.5';
  const others = await count(gateway, asking(text));
  expect(await count(gateway, asking(text, { model }))).toBeGreaterThan(others);
});

it.each([
  ['{"model":', 'The body must be a JSON object.'],
  ['[]', 'The body must be a JSON object.'],
  ['{"messages":[{"role":"user","content":"Hi"}]}', 'model: a string is required.'],
  ['{"model":"a/b"}', 'messages: at least one message is required.'],
  ['{"model":"a/b","messages":[]}', 'messages: at least one message is required.'],
  ['{"model":"a/b","messages":["Hi"]}', 'messages.0: an object with a role is required.'],
])('a token count of %s is refused in the shape of Anthropic', async (body, message) => {
  const gateway = await startTestGateway(UNREACHABLE);
  const answer = await gateway.send(post(body));
  expect(statusOf(answer)).toBe(400);
  expect(bodyOf(answer)).toMatchObject({
    type: 'error',
    error: { type: 'invalid_request_error', message },
  });
});

it('a token count of a body beyond server.max_body_size is refused', async () => {
  const gateway = await startTestGateway(UNREACHABLE, { server: { maxBodyBytes: 1_000 } });
  const chunked = rawRequest('POST', PATH, ['Transfer-Encoding: chunked']);
  const answer = await gateway.send(`${chunked}500\r\n${'a'.repeat(0x500)}\r\n`);
  expect(statusOf(answer)).toBe(413);
});

it('a token count of a body that is too large to be kept is made by its length', async () => {
  const maxBodyBytes = 64 * 1024 * 1024;
  const gateway = await startTestGateway(UNREACHABLE, { server: { maxBodyBytes } });
  const body = asking('a'.repeat(17 * 1024 * 1024));
  expect(await count(gateway, body)).toBe(Math.ceil(body.length / 4));
});

it('a token count of text without a break does not take until the deadline', async () => {
  const maxBodyBytes = 64 * 1024 * 1024;
  const gateway = await startTestGateway(UNREACHABLE, { server: { maxBodyBytes } });
  const answer = await gateway.send(post(asking('xyzzyq'.repeat(300_000))));
  expect(statusOf(answer)).toBe(200);
  expect(gateway.log.filter(({ level }) => level === 'WARNING')).toEqual([]);
});
