import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { preparePrivateFile, EXIT, StartupError } from '@openrouter-proxy/runtime';
import { lockStateFolder } from '../src/files/instance-lock.ts';
import { useTempFolders } from './support/temp-folder.ts';

const newFolder = useTempFolders();

function failure(start: () => unknown): StartupError {
  try {
    start();
  } catch (error) {
    if (error instanceof StartupError) return error;
    throw error;
  }
  return expect.unreachable('it started');
}

describe('the lock of a state folder', () => {
  it('is held by one instance, and the error for the other names the folder', () => {
    const folder = newFolder();
    const lock = lockStateFolder(folder);
    const error = failure(() => lockStateFolder(folder));
    expect(error.exitCode).toBe(EXIT.alreadyRunning);
    expect(error.message).toContain(folder);
    lock.release();
  });

  it('can be had again when it was released', () => {
    const folder = newFolder();
    lockStateFolder(folder).release();
    lockStateFolder(folder).release();
  });

  it('says what is wrong with a file it cannot lock', () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'kms.lock'), 'this is no database: '.repeat(99));
    const error = failure(() => lockStateFolder(folder));
    expect(error.exitCode).toBe(EXIT.configuration);
    expect(error.message).toContain('kms.lock');
  });
});

describe('a file of the state folder', () => {
  it('is closed to others when it was open to them', () => {
    const path = join(newFolder(), 'kms.db');
    writeFileSync(path, '', { mode: 0o644 });
    preparePrivateFile(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('that cannot be had is named', () => {
    const path = join(newFolder(), 'kms.db');
    mkdirSync(path);
    const error = failure(() => preparePrivateFile(path));
    expect(error.exitCode).toBe(EXIT.configuration);
    expect(error.message).toContain(path);
  });
});
