import { readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { preparePrivateFile, EXIT, StartupError } from '@openrouter-proxy/runtime';
import { isSqliteError } from './sqlite-error.ts';

/** The lock of a state folder: one instance at a time. */
export interface InstanceLock {
  release(): void;
}

/**
 * Locks the folder for this process. An open SQLite transaction holds a lock of the operating
 * system, which ends with the process and cannot be confused with another process. Throws a
 * StartupError if another instance holds it.
 */
export function lockStateFolder(folder: string): InstanceLock {
  const path = join(folder, 'kms.lock');
  preparePrivateFile(path);
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE;'); // nothing is ever written
  } catch (error) {
    database.close();
    throw isSqliteError(error, 'BUSY') ? alreadyRunning(folder) : unusable(path, error);
  }
  writePid(folder);
  return { release: () => database.close() };
}

const FILE_OF_PID = 'launcher.pid';

/** The namespace of process ids: a container has its own. Other systems have only one. */
function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return 'the whole machine';
  }
}

/** Stores which launcher holds the lock, for the message to the next one. */
function writePid(folder: string): void {
  const path = join(folder, FILE_OF_PID);
  preparePrivateFile(path);
  writeFileSync(path, `${process.ppid} ${pidNamespace()}\n`);
}

/** The process id of the launcher that holds the lock; null if this process cannot name it. */
function runningPid(folder: string): number | null {
  try {
    const [, digits, namespace] =
      /^([1-9]\d{0,9}) (.+)\n$/.exec(readFileSync(join(folder, FILE_OF_PID), 'utf8')) ?? [];
    if (digits === undefined || namespace !== pidNamespace()) return null;
    process.kill(Number(digits), 0);
    return Number(digits);
  } catch {
    return null; // no such file or process: the message has no process id
  }
}

function alreadyRunning(folder: string): StartupError {
  const pid = runningPid(folder);
  const [which, how] = pid === null ? ['', ''] : [` (process ${pid})`, ` with \`kill ${pid}\``];
  return new StartupError(EXIT.alreadyRunning, [
    `Another instance${which} is running on the state folder ${folder}. Stop it${how}, or give this one a state_dir of its own.`,
  ]);
}

function unusable(path: string, cause: unknown): StartupError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StartupError(EXIT.configuration, [`${path} cannot be locked: ${reason}.`], { cause });
}
