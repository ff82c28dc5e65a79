import { access, chmod, constants, mkdir, readdir, stat } from 'node:fs/promises';
import { EXIT, StartupError } from './exit-code.ts';

const OTHERS = 0o077;

/**
 * Makes sure that the state folder is there, can be written to, and is its owner's alone (0700). An
 * empty folder, such as a fresh volume, is closed to others; one that holds something is left as it
 * is, since it may be meant for more than this. Rejects with a StartupError that says what to do.
 */
export async function prepareStateFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    const isOpen = ((await stat(path)).mode & OTHERS) !== 0;
    if (isOpen && (await readdir(path)).length > 0) throw openToOthers(path);
    if (isOpen) await chmod(path, 0o700);
  } catch (error) {
    if (error instanceof StartupError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const problem = `state_dir: ${path} cannot be used (${reason}). Name a folder this user can write to.`;
    throw new StartupError(EXIT.configuration, [problem], { cause: error });
  }
}

function openToOthers(path: string): StartupError {
  return new StartupError(EXIT.configuration, [
    `state_dir: ${path} is open to other users of this machine. Run \`chmod 700 ${path}\`, or name a folder for this alone.`,
  ]);
}
