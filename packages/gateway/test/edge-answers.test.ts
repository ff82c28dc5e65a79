import { describe, expect, it } from 'vitest';
import { rawPost, startTestGateway } from './support/gateway.ts';
import { headerLines, statusOf } from './support/http-message.ts';
import { answering, OK, response, startRecordingUpstream } from './support/recording-upstream.ts';

const PAGE = '<!doctype html><html><head><title>Attention Required!</title></head></html>';
const HTML = ['Content-Type: text/html'];

interface Document {
  error: { code: number; type: string; message: string; metadata: { source: string } };
}

async function ask(...answers: (string | Buffer)[]) {
  const upstream = await startRecordingUpstream(answering(...answers));
  const gateway = await startTestGateway(upstream.url);
  const answer = await gateway.send(rawPost('{}'));
  const outcomes = () => gateway.keys.outcomes();
  const document = () => JSON.parse(answer.body.toString()) as Document;
  return { upstream, answer, outcomes, document };
}

describe('a firewall that refuses one request', () => {
  it.each(['403 Forbidden', '413 Payload Too Large', '400 Bad Request', '406 Not Acceptable'])(
    'is told to its client at once, as JSON with its status: %s',
    async (status) => {
      const { upstream, answer, document, outcomes } = await ask(response(status, PAGE, HTML));
      const code = Number(status.slice(0, 3));
      expect(statusOf(answer)).toBe(code);
      expect(headerLines(answer, 'content-type')).toEqual(['application/json']);
      expect(document().error).toMatchObject({ code, metadata: { source: 'gateway' } });
      expect(document().error.message).toContain(`HTTP ${code}: a page “Attention Required!”`);
      expect(upstream.requests()).toHaveLength(1);
      await expect.poll(outcomes).toEqual(['edge_refused']);
    },
  );
});

it('a page with status 401 blames neither the key nor the client', async () => {
  const { answer, document, outcomes } = await ask(response('401 Unauthorized', PAGE, HTML));
  expect(statusOf(answer)).toBe(502);
  expect(document().error).toMatchObject({ code: 502, metadata: { source: 'gateway' } });
  await expect.poll(() => outcomes().at(-1)).toMatch(/^edge_/);
});

describe('the edge in place of OpenRouter', () => {
  it('is asked again, and its page never reaches the client', async () => {
    const page = response('503 Service Unavailable', PAGE, HTML);
    const { answer, document, outcomes } = await ask(page, page, page);
    expect(statusOf(answer)).toBe(503);
    expect(document().error.message).toMatch(/something in front of it/);
    await expect.poll(outcomes).toEqual(['edge_failed', 'edge_failed', 'edge_failed']);
  });

  it('that limits the address says when to come back', async () => {
    const limited = response('429 Too Many Requests', PAGE, [...HTML, 'Retry-After: 7']);
    const { answer, document, outcomes } = await ask(limited);
    expect(statusOf(answer)).toBe(429);
    expect(headerLines(answer, 'retry-after')).toEqual(['7']);
    expect(document().error.message).toMatch(/limits this gateway’s address/);
    await expect.poll(outcomes).toEqual(['edge_blocked']);
  });

  it('does not block the address with a 429 that has no body', async () => {
    const { answer, outcomes } = await ask(response('429 Too Many Requests', ''), OK);
    expect(statusOf(answer)).toBe(200);
    await expect.poll(outcomes).toEqual(['edge_failed', 'success']);
  });
});

describe('an error whose coding is not what it says', () => {
  const refusal = '{"error":{"message":"x is not a valid model ID","code":400}}';
  const gzip = ['Content-Type: application/json', 'Content-Encoding: gzip'];

  it('is read as the plain JSON that it is', async () => {
    const { answer, outcomes } = await ask(response('400 Bad Request', refusal, gzip));
    expect(statusOf(answer)).toBe(400);
    expect(answer.body.toString()).toBe(refusal);
    expect(headerLines(answer, 'content-encoding')).toEqual([]);
    await expect.poll(outcomes).toEqual(['caller_error']);
  });

  it('limits a key as it says, and not the address', async () => {
    const limited = '{"error":{"message":"Too many requests","code":429}}';
    const { outcomes } = await ask(response('429 Too Many Requests', limited, gzip), OK);
    await expect.poll(outcomes).toEqual(['rate_limited', 'success']);
  });

  it('is without words when it is neither', async () => {
    const noise = response('500 Internal Server Error', 'no gzip', gzip);
    const { answer, document } = await ask(noise);
    expect(statusOf(answer)).toBe(500);
    expect(document().error.metadata.source).toBe('gateway');
  });
});
