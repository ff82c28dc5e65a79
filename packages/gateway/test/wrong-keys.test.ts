import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ACCESS_KEY, startTestGateway, type GatewayOptions } from './support/gateway.ts';
import { headerLines, statusOf } from './support/http-message.ts';
import { answering, response, startRecordingUpstream } from './support/recording-upstream.ts';

const OK = response('200 OK', '{"data":[]}');
const WRONG = 'a-guess-at-the-access-key';
const basic = (password: string) => `Basic ${Buffer.from(`any:${password}`).toString('base64')}`;

/** A request's head. */
const head = (route: string, ...lines: string[]) =>
  [`${route} HTTP/1.1`, 'Host: gateway', ...lines, '\r\n'].join('\r\n');
const bearer = (key: string, ...lines: string[]) =>
  head('GET /api/v1/datasets/session-cost', `Authorization: Bearer ${key}`, ...lines);

/** A gateway whose time is the test's: what is held back waits until it is let go. */
async function start(options: GatewayOptions = {}) {
  const upstream = await startRecordingUpstream(answering(OK));
  const time = { now: 1_000_000 };
  const waits: { ms: number; end: () => void }[] = [];
  const gateway = await startTestGateway(upstream.url, {
    ...options,
    now: () => time.now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        waits.push({ ms, end: resolve });
        signal?.addEventListener('abort', () => reject(new Error('aborted')));
      }),
  });
  const until = async (holds: () => boolean) => {
    while (!holds()) await setImmediate();
  };
  const status = async (bytes: string, from?: string) => statusOf(await gateway.send(bytes, from));
  const guess = async (times: number, from?: string) => {
    for (let n = 0; n < times; n += 1) expect(await status(bearer(WRONG), from)).toBe(401);
  };
  return { gateway, upstream, time, waits, until, status, guess };
}

describe('a wrong access key', () => {
  it('is answered at once three times, and then later each time', async () => {
    const { gateway, waits, until, guess } = await start();
    await guess(3);
    for (const expected of [250, 500, 1_000]) {
      const answer = gateway.send(bearer(WRONG));
      await until(() => waits.length === 1);
      expect(waits.map(({ ms }) => ms)).toEqual([expected]);
      waits.pop()?.end();
      expect(statusOf(await answer)).toBe(401);
    }
  });

  it('never slows the right key, from the same address or another', async () => {
    const { gateway, waits, until, guess, status } = await start();
    await guess(3);
    const held = Array.from({ length: 8 }, () => gateway.send(bearer(WRONG)));
    await until(() => waits.length === 8);
    for (let n = 0; n < 20; n += 1) expect(await status(bearer(ACCESS_KEY))).toBe(200);
    expect(await status(bearer(ACCESS_KEY), '127.0.0.9')).toBe(200);
    expect(waits).toHaveLength(8);
    for (const { end } of waits) end();
    expect((await Promise.all(held)).map(statusOf)).toEqual(Array(8).fill(401));
  });

  it.each([
    ['the API with Bearer', bearer(WRONG)],
    ['the API with x-api-key', head('POST /v1/messages', `x-api-key: ${WRONG}`)],
    ['the dashboard', head('GET /metrics', 'Accept: text/html', `Authorization: ${basic(WRONG)}`)],
    ['the metrics', head('GET /metrics/raw', `Authorization: Bearer ${WRONG}`)],
    ['the details of health', head('GET /health?verbose=1', `x-api-key: ${WRONG}`)],
  ])('is slowed at %s', async (_where, bytes) => {
    const { gateway, waits, until, guess } = await start();
    await guess(3);
    const answer = gateway.send(bytes);
    await until(() => waits.length === 1);
    waits[0]?.end();
    expect(statusOf(await answer)).toBe(401);
  });

  it('is not what a request without a key has, or one where none is needed', async () => {
    const { waits, status } = await start();
    for (let n = 0; n < 10; n += 1) {
      expect(await status(head('GET /api/v1/datasets/session-cost'))).toBe(401);
      expect(await status(head('GET /health', `x-api-key: ${WRONG}`))).toBe(200);
      expect(await status(head('GET /api/v1/models', `x-api-key: ${WRONG}`))).toBe(200);
    }
    expect(waits).toEqual([]);
  });

  it('slows its own address and no other', async () => {
    const { gateway, waits, until, guess } = await start();
    await guess(3, '127.0.0.2');
    await guess(3, '127.0.0.3');
    const answer = gateway.send(bearer(WRONG), '127.0.0.2');
    await until(() => waits.length === 1);
    waits[0]?.end();
    await answer;
  });

  it('is forgotten with time', async () => {
    const { time, waits, guess } = await start();
    await guess(3);
    time.now += 3 * 60_000;
    await guess(3);
    expect(waits).toEqual([]);
  });

  it('is refused at once, with the end of the connection, while too many wait', async () => {
    const { gateway, waits, until, guess } = await start();
    await guess(3);
    const held = Array.from({ length: 8 }, () => gateway.send(bearer(WRONG)));
    await until(() => waits.length === 8);
    const refused = await gateway.send(bearer(WRONG));
    expect(statusOf(refused)).toBe(429);
    expect(refused.body.toString()).toContain('too_many_wrong_keys');
    expect(headerLines(refused, 'connection')).toEqual(['close']);
    expect(headerLines(refused, 'x-should-retry')).toEqual(['false']);
    expect(headerLines(refused, 'retry-after')).toEqual([]);
    for (const { end } of waits) end();
    await Promise.all(held);
  });

  it('gives up its place when its client leaves', async () => {
    const { gateway, waits, until, guess } = await start();
    await guess(3);
    for (let n = 1; n <= 20; n += 1) {
      const connection = await gateway.connect();
      connection.send(bearer(WRONG));
      await until(() => waits.length === n);
      connection.reset();
      await until(() => gateway.records.length === 3 + n);
    }
    expect(gateway.records.at(-1)?.failure).toBeNull();
  });

  it('is answered at once when the gateway stops', async () => {
    const { gateway, waits, until, guess } = await start();
    await guess(3);
    const answer = gateway.send(bearer(WRONG));
    await until(() => waits.length === 1);
    const drained = gateway.drain();
    expect(statusOf(await answer)).toBe(401);
    await drained;
  });

  it('is logged with its address, and never with the key', async () => {
    const { gateway, guess } = await start();
    await guess(3, '127.0.0.2');
    const lines = gateway.log.filter(({ message }) => message === 'wrong access key');
    expect(lines).toEqual([
      {
        ...{ level: 'WARNING', message: 'wrong access key' },
        fields: { address: '127.0.0.2', delay_ms: 0, not_logged: 0 },
      },
    ]);
    expect(gateway.records.map(({ address }) => address)).toEqual(Array(3).fill('127.0.0.2'));
    expect(JSON.stringify(gateway.log)).not.toContain(WRONG);
  });
});

describe('X-Forwarded-For', () => {
  const forwarded = (key: string, by: string) => bearer(key, `X-Forwarded-For: ${by}`);

  it('is not believed of a peer that is no trusted proxy', async () => {
    const { gateway, waits, until, status } = await start({
      server: { trustedProxies: ['127.0.0.1'] },
    });
    for (let n = 0; n < 3; n += 1) {
      expect(await status(forwarded(WRONG, `198.51.100.${n}`), '127.0.0.2')).toBe(401);
    }
    const answer = gateway.send(forwarded(WRONG, '198.51.100.3'), '127.0.0.2');
    await until(() => waits.length === 1);
    waits[0]?.end();
    await answer;
    expect(gateway.records.map(({ address }) => address)).toEqual(Array(4).fill('127.0.0.2'));
  });

  it('of a trusted proxy tells clients apart, whatever they wrote into it', async () => {
    const { gateway, waits, until, status } = await start({
      server: { trustedProxies: ['127.0.0.0/8'] },
    });
    for (let n = 0; n < 3; n += 1) {
      expect(await status(forwarded(WRONG, `8.8.8.${n}, 198.51.100.1`))).toBe(401);
    }
    const answer = gateway.send(forwarded(WRONG, '8.8.8.8, 198.51.100.1, 127.0.0.5'));
    await until(() => waits.length === 1);
    expect(await status(forwarded(WRONG, '198.51.100.2'))).toBe(401);
    waits[0]?.end();
    await answer;
    expect(gateway.records.map(({ address }) => address).toSorted()).toEqual([
      ...Array<string>(4).fill('198.51.100.1'),
      '198.51.100.2',
    ]);
  });

  it('of 10,000 attackers does not slow the right key of one of them, nor fill the log', async () => {
    const { gateway, waits, status } = await start({ server: { trustedProxies: ['127.0.0.1'] } });
    const addresses = Array.from({ length: 10_000 }, (_, n) => `10.9.${n >> 8}.${n & 255}`);
    const connections = await Promise.all(Array.from({ length: 20 }, () => gateway.connect()));
    await Promise.all(
      connections.map(async (connection, lane) => {
        const mine = addresses.filter((_, n) => n % connections.length === lane);
        connection.send(mine.map((address) => forwarded(WRONG, address)).join(''));
        await connection.message(mine.length - 1);
        expect(new Set(connection.reader.messages.map(statusOf))).toEqual(new Set([401]));
      }),
    );
    expect(await status(forwarded(ACCESS_KEY, addresses[9_999] ?? ''))).toBe(200);
    expect(waits).toEqual([]);
    const lines = gateway.log.filter(({ message }) => message === 'wrong access key');
    expect(lines).toHaveLength(10);
  });
});
