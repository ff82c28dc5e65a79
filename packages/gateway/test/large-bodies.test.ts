import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { rawRequest, startTestGateway, type GatewayOptions } from './support/gateway.ts';
import { headerLines, statusOf } from './support/http-message.ts';
import {
  answering,
  OK,
  response,
  startRecordingUpstream,
  TOO_MANY,
} from './support/recording-upstream.ts';

const PATH = '/api/v1/chat/completions';
const MIB = 1024 * 1024;
const REFUSED = response('401 Unauthorized', '{"error":{"message":"User not found.","code":401}}', [
  'Content-Type: application/json',
]);
const digest = (bytes: Uint8Array | undefined) =>
  createHash('sha256')
    .update(bytes ?? '')
    .digest('hex');

async function spoolFolder(): Promise<string> {
  const parent = await mkdtemp(path.join(tmpdir(), 'spool-'));
  onTestFinished(() => rm(parent, { recursive: true, force: true }));
  return path.join(parent, 'spool');
}

const roomy = (folder: string, maxBytes = 1024 * MIB): GatewayOptions => ({
  server: { maxBodyBytes: 64 * MIB },
  spool: { folder, maxBytes },
});

const head = (bytes: number) => rawRequest('POST', PATH, [`Content-Length: ${bytes}`]);
const post = (body: Buffer) => Buffer.concat([Buffer.from(head(body.length)), body]);

describe('a body that memory has no room for', () => {
  it('is sent again under another key when the first key is refused', async () => {
    const upstream = await startRecordingUpstream(answering(REFUSED, REFUSED, OK));
    const gateway = await startTestGateway(upstream.url, roomy(await spoolFolder()));
    const body = randomBytes(20 * MIB);
    const answer = await gateway.send(post(body));
    expect(statusOf(answer)).toBe(200);
    expect(headerLines(answer, 'x-proxy-attempts')).toEqual(['3']);
    expect(upstream.requests().map((request) => digest(request.body))).toEqual(
      Array.from({ length: 3 }, () => digest(body)),
    );
  });

  it('is sent again, whole, when the refusal came before its end', async () => {
    const body = randomBytes(20 * MIB);
    const upstream = await startRecordingUpstream(async (connection, index) => {
      await connection.until('POST');
      if (index > 0) await connection.message();
      connection.send(index > 0 ? OK : TOO_MANY);
    });
    const gateway = await startTestGateway(upstream.url, roomy(await spoolFolder()));
    const client = await gateway.connect();
    client.send(head(body.length));
    client.send(body.subarray(0, 18 * MIB));
    await expect.poll(() => upstream.connections.length).toBe(2);
    client.send(body.subarray(18 * MIB));
    expect(statusOf(await client.message())).toBe(200);
    expect(digest(upstream.requests().at(-1)?.body)).toBe(digest(body));
  });

  it('lies in a private folder, in a file without a name, for the time of its request', async () => {
    const folder = await spoolFolder();
    const upstream = await startRecordingUpstream(async (connection) => {
      await connection.message();
      await mayAnswer.promise;
      connection.send(OK);
    });
    const mayAnswer = Promise.withResolvers<undefined>();
    const gateway = await startTestGateway(upstream.url, roomy(folder));
    const answer = gateway.send(post(randomBytes(20 * MIB)));
    await expect.poll(() => upstream.requests().length).toBe(1);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect(await readdir(folder)).toEqual([]);
    mayAnswer.resolve(undefined);
    expect(statusOf(await answer)).toBe(200);
    await expect.poll(() => gateway.spool.usedBytes).toBe(0);
  });

  it('gives its room back when its client goes away', async () => {
    const upstream = await startRecordingUpstream(() => undefined);
    const gateway = await startTestGateway(upstream.url, roomy(await spoolFolder()));
    const client = await gateway.connect();
    client.send(head(60 * MIB));
    client.send(randomBytes(20 * MIB));
    await expect.poll(() => gateway.spool.usedBytes).toBeGreaterThan(3 * MIB);
    client.socket.destroy();
    await expect.poll(() => gateway.spool.usedBytes).toBe(0);
  });

  it('does not wait for an upstream that does not read: only what it sends does', async () => {
    const upstream = await startRecordingUpstream((connection) => connection.socket.pause());
    const gateway = await startTestGateway(upstream.url, roomy(await spoolFolder()));
    const client = await gateway.connect();
    client.send(head(60 * MIB));
    client.send(randomBytes(50 * MIB));
    await expect.poll(() => client.socket.writableLength).toBe(0);
    await expect.poll(() => gateway.spool.usedBytes).toBeGreaterThan(33 * MIB);
    expect(upstream.received().length).toBeLessThan(20 * MIB);
  });
});

/** Disks that keep nothing, and how each comes about. */
const DISKS: [name: string, prepare: (folder: string) => Promise<number>][] = [
  ['has no room at all', () => Promise.resolve(0)],
  ['has room for a part of it', () => Promise.resolve(MIB)],
  [
    'cannot be written to',
    async (folder) => {
      await writeFile(folder, 'a file in the place of the folder');
      return 1024 * MIB;
    },
  ],
];

describe.each(DISKS)('a body beyond memory on a disk that %s', (_name, prepare) => {
  it('is sent once, whole, and its first answer counts', async () => {
    const folder = await spoolFolder();
    const options = roomy(folder, await prepare(folder));
    const upstream = await startRecordingUpstream(answering(OK));
    const gateway = await startTestGateway(upstream.url, options);
    const body = randomBytes(20 * MIB);
    expect(statusOf(await gateway.send(post(body)))).toBe(200);
    expect(upstream.requests().map((request) => digest(request.body))).toEqual([digest(body)]);
    const warnings = gateway.log.filter(({ level }) => level === 'WARNING');
    expect(warnings.map(({ message }) => message)).toEqual([
      expect.stringContaining('cannot be kept on disk') as string,
    ]);
  });

  it('is not repeated when the key is refused, and the client does not hear of the key', async () => {
    const folder = await spoolFolder();
    const options = roomy(folder, await prepare(folder));
    const upstream = await startRecordingUpstream(answering(REFUSED, OK));
    const gateway = await startTestGateway(upstream.url, options);
    const answer = await gateway.send(post(randomBytes(20 * MIB)));
    expect(statusOf(answer)).toBe(503);
    expect(headerLines(answer, 'retry-after')).toEqual(['1']);
    expect(answer.body.toString()).toContain('"source":"gateway"');
    expect(answer.body.toString()).not.toContain('User not found');
    expect(upstream.requests()).toHaveLength(1);
  });

  it('waits for an upstream that does not read', async () => {
    const folder = await spoolFolder();
    const options = roomy(folder, await prepare(folder));
    const upstream = await startRecordingUpstream((connection) => connection.socket.pause());
    const gateway = await startTestGateway(upstream.url, options);
    const client = await gateway.connect();
    client.send(head(60 * MIB));
    client.send(randomBytes(60 * MIB));
    const waiting: number[] = [];
    await expect
      .poll(
        () =>
          waiting.push(client.socket.writableLength) > 3 && new Set(waiting.slice(-3)).size === 1,
        { interval: 100 },
      )
      .toBe(true);
    expect(client.socket.writableLength).toBeGreaterThan(20 * MIB);
  });
});

it('starts without the bodies of a process that was killed, and leaves those of a running one', async () => {
  const folder = await spoolFolder();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const gone = 2 ** 22 + 1; // above the largest process id of Linux
  await writeFile(path.join(folder, `${gone}-left`), 'x');
  await writeFile(path.join(folder, `${process.pid}-left`), 'x');
  await writeFile(path.join(folder, `${process.ppid}-used`), 'x');
  await chmod(folder, 0o700);
  await startTestGateway('http://127.0.0.1:1', roomy(folder));
  expect(await readdir(folder)).toEqual([`${process.ppid}-used`]);
});
