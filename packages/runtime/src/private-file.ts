import { randomBytes } from 'node:crypto';
import { closeSync, constants, fchmodSync, fstatSync, openSync } from 'node:fs';
import { chmod, link, open, rename, rm } from 'node:fs/promises';
import { EXIT, StartupError } from './process/exit-code.ts';

/** Writes a file atomically with mode 0600, or 0640 for its group too. An existing file is replaced. */
export async function replacePrivateFile(
  path: string,
  text: string,
  mode: 0o600 | 0o640 = 0o600,
): Promise<void> {
  await withDraft(path, text, async (draft) => {
    if (mode !== 0o600) await chmod(draft, mode); // whatever the umask takes from new files
    await rename(draft, path);
  });
}

/** Writes a file atomically with mode 0600. An existing file stays; of two concurrent writers, one wins. */
export async function createPrivateFile(path: string, text: string): Promise<void> {
  await withDraft(path, text, async (draft) => {
    try {
      await link(draft, path); // unlike a rename, it never replaces
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  });
}

async function withDraft(
  path: string,
  text: string,
  publish: (draft: string) => Promise<void>,
): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await using file = await open(draft, 'wx', 0o600);
    await file.writeFile(text);
    await file.sync();
    await publish(draft);
  } finally {
    await rm(draft, { force: true });
  }
}

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;
/** Follows no link to a file elsewhere, and does not wait for the other end of a pipe. */
const FLAGS = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK;

/**
 * Creates a file with mode 0600 if it is missing, and sets that mode if it exists: SQLite would create
 * it with the default mode of the system. Throws a StartupError if the file cannot be used.
 */
export function preparePrivateFile(path: string): void {
  try {
    const file = openSync(path, FLAGS, 0o600);
    try {
      if (!fstatSync(file).isFile()) throw new Error('it is not a regular file');
      fchmodSync(file, 0o600); // an existing file may have another mode
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const line = `${path} cannot be used: ${reason}. It must belong to the user this runs as.`;
    throw new StartupError(EXIT.configuration, [line], { cause: error });
  }
}
