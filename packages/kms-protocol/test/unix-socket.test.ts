import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  connectToUnixSocket,
  listenOnUnixSocket,
  type UnixListener,
  type UnixSocketAccess,
} from '../src/unix-socket.ts';
import { temporaryFolder } from './support.ts';

const MODE = 0o777;

async function listen(
  path: string,
  word = 'here',
  access?: UnixSocketAccess,
): Promise<UnixListener> {
  const listener = await listenOnUnixSocket(
    path,
    (socket: Socket) => void socket.on('error', () => undefined).end(word),
    () => undefined,
    access,
  );
  onTestFinished(() => listener.close());
  return listener;
}

/** What whoever listens there has to say. */
async function heardOn(path: string): Promise<string> {
  const socket = await connectToUnixSocket(path);
  const [word] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return word.toString().trim();
}

/** A process that is ready to listen. */
async function starter(
  path: string,
): Promise<{ child: ChildProcess; start: () => Promise<string> }> {
  const child = fork(join(import.meta.dirname, 'fixtures', 'listen.ts'), [path]);
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  await once(child, 'message');
  const start = async () => {
    const said = once(child, 'message') as Promise<[string]>;
    child.send('start');
    return (await said)[0];
  };
  return { child, start };
}

/** A socket whose process was killed. */
async function deadSocket(path: string): Promise<void> {
  const { child, start } = await starter(path);
  expect(await start()).toBe('LISTENING');
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(existsSync(path)).toBe(true);
}

describe('a socket', () => {
  test('is made with its folder, both for us alone', async () => {
    const folder = join(temporaryFolder(), 'state', 'run');
    const { path } = await listen(join(folder, 'kms.sock'));
    expect(lstatSync(folder).mode & MODE).toBe(0o700);
    expect(lstatSync(path).mode & MODE).toBe(0o600);
    expect(await heardOn(path)).toBe('here');
  });

  test('for the group is made with its folder, both closed to others', async () => {
    const folder = join(temporaryFolder(), 'run');
    const { path } = await listen(join(folder, 'kms.sock'), 'here', 'group');
    expect(lstatSync(folder).mode & MODE).toBe(0o750);
    expect(lstatSync(path).mode & MODE).toBe(0o660);
  });

  test('is all that is left in its folder', async () => {
    const folder = temporaryFolder();
    await listen(join(folder, 'kms.sock'));
    expect(readdirSync(folder)).toEqual(['kms.sock']);
  });

  test('goes when it is closed, and connections stay', async () => {
    const path = join(temporaryFolder(), 'kms.sock');
    const accepted = Promise.withResolvers<Socket>();
    const listener = await listenOnUnixSocket(path, accepted.resolve, () => undefined);
    const near = await connectToUnixSocket(path);
    const far = await accepted.promise;
    listener.close();
    expect(existsSync(path)).toBe(false);
    far.end('still here');
    expect(String((await once(near, 'data'))[0])).toBe('still here');
    near.destroy();
  });

  test('of a newer service is left alone when the older closes', async () => {
    const path = join(temporaryFolder(), 'kms.sock');
    const older = await listen(path, 'older');
    renameSync(path, `${path}.moved`);
    await listen(path, 'newer');
    older.close();
    expect(await heardOn(path)).toBe('newer');
  });
});

describe('listening fails', () => {
  test.each([
    { access: 'owner', mode: 0o710 },
    { access: 'group', mode: 0o770 },
    { access: 'group', mode: 0o751 },
  ] as const)('for the $access in a folder with mode $mode', async ({ access, mode }) => {
    const folder = join(temporaryFolder(), 'open');
    mkdirSync(folder);
    chmodSync(folder, mode);
    await expect(listen(join(folder, 'kms.sock'), 'here', access)).rejects.toMatchObject({
      code: 'FOLDER_NOT_PRIVATE',
    });
  });

  test('in a folder that others may enter', async () => {
    const folder = join(temporaryFolder(), 'open');
    mkdirSync(folder);
    chmodSync(folder, 0o750);
    await expect(listen(join(folder, 'kms.sock'))).rejects.toMatchObject({
      code: 'FOLDER_NOT_PRIVATE',
      message: expect.stringContaining('chmod 700') as unknown,
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('on a path the system would cut off', async () => {
    const folder = temporaryFolder();
    const longest = join(folder, 'x'.repeat(107 - Buffer.byteLength(folder) - 1));
    await listen(longest);
    await expect(listen(`${longest}x`)).rejects.toMatchObject({
      code: 'PATH_TOO_LONG',
      message: expect.stringContaining('108 bytes') as unknown,
    });
    await expect(connectToUnixSocket(`${longest}x`)).rejects.toMatchObject({
      code: 'PATH_TOO_LONG',
    });
  });

  test('where something else stands, which is left as it is', async () => {
    const path = join(temporaryFolder(), 'kms.sock');
    writeFileSync(path, 'precious');
    await expect(listen(path)).rejects.toMatchObject({ code: 'NOT_OUR_SOCKET' });
    expect(readFileSync(path, 'utf8')).toBe('precious');
    expect(readdirSync(join(path, '..'))).toEqual(['kms.sock']);
  });

  test('where somebody listens, who is not disturbed', async () => {
    const path = join(temporaryFolder(), 'kms.sock');
    await listen(path, 'first');
    await expect(listen(path)).rejects.toMatchObject({ code: 'ALREADY_RUNNING' });
    expect(await heardOn(path)).toBe('first');
    expect(readdirSync(join(path, '..'))).toEqual(['kms.sock']);
  });
});

test('a socket whose process was killed is replaced', async () => {
  const path = join(temporaryFolder(), 'kms.sock');
  await deadSocket(path);
  await listen(path);
  expect(await heardOn(path)).toBe('here');
  expect(readdirSync(join(path, '..'))).toEqual(['kms.sock']);
});

describe.each([
  ['in an empty place', () => Promise.resolve()],
  ['where a dead socket stands', deadSocket],
])('of many that start at once %s', (_title, prepare) => {
  const outcomes = (all: PromiseSettledResult<UnixListener>[]) =>
    all.map((one) =>
      one.status === 'fulfilled' ? 'LISTENING' : (one.reason as { code: string }).code,
    );

  test('one wins, within a process', async () => {
    const path = join(temporaryFolder(), 'kms.sock');
    await prepare(path);
    const all = await Promise.allSettled(Array.from({ length: 50 }, () => listen(path)));
    const [winner, ...losers] = outcomes(all).sort((a) => (a === 'LISTENING' ? -1 : 1));
    expect(winner).toBe('LISTENING');
    expect(new Set(losers)).toEqual(new Set(['ALREADY_RUNNING']));
    expect(await heardOn(path)).toBe('here');
    expect(readdirSync(join(path, '..'))).toEqual(['kms.sock']);
  });

  test('one wins, among processes', async () => {
    const path = join(temporaryFolder(), 'kms.sock');
    await prepare(path);
    const starters = await Promise.all(Array.from({ length: 8 }, () => starter(path)));
    const said = await Promise.all(starters.map(({ start }) => start()));
    expect(said.filter((word) => word === 'LISTENING')).toHaveLength(1);
    expect(said.filter((word) => word === 'ALREADY_RUNNING')).toHaveLength(7);
    expect(await heardOn(path)).toBe('here');
  });
});

test('connecting fails where nobody listens, and where nothing is', async () => {
  const path = join(temporaryFolder(), 'kms.sock');
  await expect(connectToUnixSocket(path)).rejects.toMatchObject({ code: 'ENOENT' });
  await deadSocket(path);
  await expect(connectToUnixSocket(path)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('a socket that somebody deletes is made anew', async () => {
  const path = join(temporaryFolder(), 'kms.sock');
  const listener = await listen(path);
  rmSync(path);
  await expect.poll(() => existsSync(path)).toBe(true);
  expect(lstatSync(path).mode & MODE).toBe(0o600);
  expect(await heardOn(path)).toBe('here');
  listener.close();
  expect(existsSync(path)).toBe(false);
});

test('nobody ever sees the socket with a wider mode', async () => {
  const path = join(temporaryFolder(), 'kms.sock');
  const stop = new SharedArrayBuffer(4);
  const worker = new Worker(join(import.meta.dirname, 'fixtures', 'watch-modes.ts'), {
    workerData: { path, stop },
  });
  await once(worker, 'message');
  const before = process.umask(0);
  for (let round = 0; round < 100; round += 1) (await listen(path)).close();
  process.umask(before);
  await listen(path);
  Atomics.store(new Int32Array(stop), 0, 1);
  expect(await once(worker, 'message')).toEqual([[0o600]]);
});
