import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  mkdirSync,
  openSync,
  statSync,
} from 'node:fs';
import { EXIT, StartupError } from '@openrouter-proxy/runtime';

const OTHERS = 0o077;
const STICKY = 0o1000;

/**
 * Makes sure that a file is there, and that nobody else can read it: SQLite would make it with the
 * rights that are the custom of the system. Throws a StartupError if it cannot be had.
 */
export function preparePrivateFile(path: string): void {
  try {
    const file = openSync(path, 'a', 0o600);
    fchmodSync(file, 0o600); // it may be older than this rule
    closeSync(file);
  } catch (error) {
    const line = `${path} cannot be used: ${reasonOf(error)}. It must belong to the user this runs as.`;
    throw new StartupError(EXIT.configuration, [line], { cause: error });
  }
}

/**
 * Makes sure that the state folder is there, is ours, and is closed to others (0700). Throws a
 * StartupError that says what is wrong with it.
 */
export function prepareStateFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    closeToOthers(path);
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    if (error instanceof StartupError) throw error;
    throw unusable(path, reasonOf(error), error);
  }
}

function closeToOthers(path: string): void {
  const { mode, uid } = statSync(path);
  if ((mode & OTHERS) === 0) return;
  const isOurs = uid === process.getuid?.() && (mode & STICKY) === 0; // never /tmp
  if (!isOurs) throw unusable(path, 'other users have access to it and it is not ours to close');
  chmodSync(path, 0o700);
}

function unusable(path: string, problem: string, cause?: unknown): StartupError {
  const line = `state_dir: ${path} cannot be used: ${problem}. Name a folder this user can write to.`;
  return new StartupError(EXIT.configuration, [line], { cause });
}

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
