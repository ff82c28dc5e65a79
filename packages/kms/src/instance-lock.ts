import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { EXIT, StartupError } from '@openrouter-proxy/runtime';
import { isSqliteError } from './sqlite-error.ts';
import { preparePrivateFile } from './private-file.ts';

/** The right to be the only instance on a state folder. */
export interface InstanceLock {
  release(): void;
}

/**
 * Takes the folder for this process: an SQLite transaction that is never ended holds a lock of the
 * operating system, which goes with the process however it ends and which no other process can be
 * mistaken for. Throws a StartupError if another instance holds it.
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
  return { release: () => database.close() };
}

function alreadyRunning(folder: string): StartupError {
  return new StartupError(EXIT.alreadyRunning, [
    `Another instance is running on the state folder ${folder}. Stop it, or give this one a state_dir of its own.`,
  ]);
}

function unusable(path: string, cause: unknown): StartupError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StartupError(EXIT.configuration, [`${path} cannot be locked: ${reason}.`], { cause });
}
