import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect, it } from 'vitest';
import { rawRequest, startTestGateway } from './support/gateway.ts';
import { statusOf } from './support/http-message.ts';

const BYTES = 15 * 1024 * 1024;
const READING = {
  rules: { affinity: true, freeOnly: true },
  server: { maxBodyBytes: 64 * 1024 * 1024 },
};

const repeated = (text: string) => text.repeat(Math.floor(BYTES / text.length));

/** Documents that cost `JSON.parse` much. */
const DOCUMENTS: [what: string, document: string][] = [
  ['lists within lists', `{"model":"m","messages":${repeated('[')}`],
  ['lists within lists that end', `{"model":"m","x":[${repeated('[[[]]],')}[]]}`],
  ['empty objects', `{"model":"m","messages":[${repeated('{},')}{}]}`],
  ['members', `{${repeated('"a":{},')}"model":"m"}`],
  ['turns that stand twice', `{${repeated('"messages":[{}],')}"model":"m"}`],
];

/** How long `work` took, in milliseconds. */
function timed(work: () => void): number {
  const startedAt = performance.now();
  try {
    work();
  } catch {
    // What is no JSON has been read as far as it goes.
  }
  return performance.now() - startedAt;
}

it.each(DOCUMENTS)(
  'holds nobody up for as long as JSON.parse would: 15 MiB of %s',
  async (_what, document) => {
    const body = Buffer.from(document);
    const parseMs = timed(() => void JSON.parse(document));
    const gateway = await startTestGateway('http://127.0.0.1:1', READING);
    const client = await gateway.connect();
    const head = rawRequest('POST', '/v1/chat/completions', [`Content-Length: ${body.length}`]);
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    client.send(head);
    client.send(body);
    const answer = await client.message();
    delay.disable();
    expect(statusOf(answer)).toBe(403);
    expect(delay.max / 1e6).toBeLessThan(parseMs / 2);
  },
);
