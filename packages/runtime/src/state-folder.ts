import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { access, chmod, constants, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { EXIT, StartupError } from './process/exit-code.ts';

const OTHERS = 0o077;

/** A state folder that cannot be used. */
export class StateFolderError extends StartupError {
  /**
   * `open`: it holds something, and other users may enter it. `unusable`: it cannot be made or
   * written to, or its file system keeps no modes or no Unix sockets.
   */
  readonly fault: 'open' | 'unusable';

  constructor(fault: 'open' | 'unusable', problem: string, options?: ErrorOptions) {
    super(EXIT.configuration, [problem], options);
    this.fault = fault;
  }
}

/**
 * Makes sure that the state folder is there, can be written to, and is its owner's alone (0700). An
 * empty folder, such as a fresh volume, is closed to others; one that holds something is left as it
 * is, since it may be meant for more than this. Rejects with a StateFolderError that says what to do.
 */
export async function prepareStateFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    if (!(await isOpenToOthers(path))) return;
    if ((await readdir(path)).length > 0) throw openToOthers(path);
    await chmod(path, 0o700);
    if (await isOpenToOthers(path)) throw new Error('its file system keeps no modes');
  } catch (error) {
    throw error instanceof StartupError ? error : unusable(path, error);
  }
}

/** Sees that a Unix socket can be made in a folder. Rejects with a StateFolderError. */
export async function requireUnixSockets(folder: string): Promise<void> {
  const path = join(folder, `${randomBytes(4).toString('hex')}.sock`);
  const server = createServer();
  try {
    server.listen(path);
    await once(server, 'listening');
    await new Promise((resolve) => server.close(resolve));
  } catch (error) {
    throw unusable(folder, error);
  } finally {
    await rm(path, { force: true });
  }
}

async function isOpenToOthers(path: string): Promise<boolean> {
  return ((await stat(path)).mode & OTHERS) !== 0;
}

function unusable(path: string, cause: unknown): StateFolderError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const problem = `state_dir: ${path} cannot be used (${reason}). Name a folder this user can write to, on a file system with modes and Unix sockets.`;
  return new StateFolderError('unusable', problem, { cause });
}

function openToOthers(path: string): StateFolderError {
  return new StateFolderError(
    'open',
    `state_dir: ${path} is open to other users of this machine. Run \`chmod 700 ${path}\`, or name a folder for this alone.`,
  );
}
