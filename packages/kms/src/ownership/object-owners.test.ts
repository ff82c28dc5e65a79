import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { useTempFolders } from '../../test/support/temp-folder.ts';
import { IN_MEMORY, openObjectFile, type ObjectFile } from './object-file.ts';
import { LIFETIME_MS } from './object-record.ts';
import { ObjectOwners, type NewObject } from './object-owners.ts';

const newFolder = useTempFolders();
const KEY = '0123456789ab';

const video = (id: string, client = 'ann'): NewObject => {
  return { kind: 'video', id, keyId: KEY, account: 'acct-1', client };
};

function start(file?: ObjectFile, clock = new ManualClock()) {
  const failures: unknown[] = [];
  const owners = new ObjectOwners({
    file: file ?? openObjectFile(IN_MEMORY, clock.now(), () => expect.unreachable()),
    ...{ shared: null, clock },
    listener: { onUnshared: () => undefined, onNotKept: (error) => failures.push(error) },
  });
  onTestFinished(() => owners[Symbol.asyncDispose]());
  return { owners, clock, failures };
}

describe('the owners of objects', () => {
  it('are found until their lifetime ends', async () => {
    const { owners, clock } = start();
    await owners.remember([video('v1')]);
    const found = await owners.find('video', 'v1');
    expect(found).toMatchObject({ isCertain: true, record: { client: 'ann', keyId: KEY } });
    clock.advance(LIFETIME_MS.video);
    expect((await owners.find('video', 'v1')).record).toBeUndefined();
  });

  it('are told apart by the kind of the object', async () => {
    const { owners } = start();
    await owners.remember([video('same')]);
    expect((await owners.find('file', 'same')).record).toBeUndefined();
  });

  it('do not change when another client names the same object', async () => {
    const { owners } = start();
    await owners.remember([video('v1', 'ann')]);
    await owners.remember([video('v1', 'bob')]);
    expect((await owners.find('video', 'v1')).record?.client).toBe('ann');
    expect((await owners.list({ kind: 'video', client: 'bob' }, null, 10)).records).toEqual([]);
  });

  it('of a generation are found before they are written, and after', async () => {
    const { owners } = start();
    owners.rememberSoon({ ...video('gen-1'), kind: 'generation' });
    expect((await owners.find('generation', 'gen-1')).record?.client).toBe('ann');
    await owners.write();
    expect((await owners.find('generation', 'gen-1')).record?.client).toBe('ann');
  });

  it('are forgotten with the object', async () => {
    const { owners } = start();
    await owners.remember([video('v1')]);
    await owners.forget('video', 'v1');
    expect((await owners.find('video', 'v1')).record).toBeUndefined();
  });

  it('survive a restart', async () => {
    const path = join(newFolder(), 'objects.db');
    const clock = new ManualClock();
    const open = () => openObjectFile(path, clock.now(), () => expect.unreachable());
    const before = new ObjectOwners({
      ...{ file: open(), shared: null, clock },
      listener: { onUnshared: () => undefined, onNotKept: () => undefined },
    });
    await before.remember([video('v1')]);
    before.rememberSoon({ ...video('gen-1'), kind: 'generation' });
    await before[Symbol.asyncDispose]();
    const { owners } = start(open(), clock);
    expect((await owners.find('video', 'v1')).record?.client).toBe('ann');
    expect((await owners.find('generation', 'gen-1')).record?.client).toBe('ann');
  });

  it('stay in memory while the disk fails, and are written when it works again', async () => {
    const file = openObjectFile(IN_MEMORY, 0, () => expect.unreachable());
    let isFull = true;
    const failing: ObjectFile = {
      ...file,
      add: (...records) => {
        if (isFull) throw new Error('disk full');
        file.add(...records);
      },
    };
    const { owners, failures } = start(failing);
    await owners.remember([video('v1')]);
    expect(failures).toHaveLength(1);
    expect((await owners.find('video', 'v1')).record?.client).toBe('ann');
    isFull = false;
    await owners.write();
    expect(file.find('video', 'v1', 0)?.client).toBe('ann');
  });
});

describe('the list of a client', () => {
  it('has its own objects only, the latest first, and goes on after a cursor', async () => {
    const { owners, clock } = start();
    for (const id of ['a', 'b', 'c', 'd', 'e']) {
      await owners.remember([video(id), video(`of-bob-${id}`, 'bob')]);
      if (id !== 'c') clock.advance(1); // c and d are of one millisecond
    }
    const of = { kind: 'video', client: 'ann' } as const;
    const ids: string[] = [];
    for (let after = null; ;) {
      const { records } = await owners.list(of, after, 2);
      ids.push(...records.map(({ id }) => id));
      const last = records.at(-1);
      if (last === undefined) break;
      after = last as never;
    }
    expect(ids).toEqual(['e', 'd', 'c', 'b', 'a']);
  });
});

describe('the file of owners', () => {
  it('gives an object a new owner once the last one has expired, before that is deleted', () => {
    const file = openObjectFile(IN_MEMORY, 0, () => expect.unreachable());
    file.add([{ ...video('v1', 'ann'), createdAt: 0, expiresAt: 10 }], true);
    file.add([{ ...video('v1', 'bob'), createdAt: 10, expiresAt: 20 }], true);
    expect(file.find('video', 'v1', 10)?.client).toBe('bob');
  });

  it('is set aside when it is damaged', () => {
    const path = join(newFolder(), 'objects.db');
    writeFileSync(path, 'no database');
    const moved: string[] = [];
    const file = openObjectFile(path, 0, (to) => moved.push(to));
    expect(moved).toEqual([`${path}.replaced-19700101T000000Z`]);
    file.close();
  });

  it('deletes what has expired', () => {
    const file = openObjectFile(IN_MEMORY, 0, () => expect.unreachable());
    file.add([{ ...video('v1'), createdAt: 0, expiresAt: 10 }], true);
    file.add([{ ...video('v2'), createdAt: 0, expiresAt: 20 }], true);
    file.trim(10);
    expect(file.find('video', 'v1', 0)).toBeUndefined();
    expect(file.find('video', 'v2', 0)).toBeDefined();
  });
});
