import { statSync } from 'node:fs';
import path from 'node:path';

const OTHERS_MAY_WRITE = 0o022;

/** The folder inside a state folder that keeps compiled code from one start to the next. */
export const compileCacheIn = (stateFolder: string) => path.join(stateFolder, 'compile-cache');

/**
 * Where the launcher finds its own compiled code before it has read a configuration: in the state
 * folder at its default place. Null if that folder is not there yet, or if somebody else could put
 * code into it.
 */
export function compileCacheFolder(environment: NodeJS.ProcessEnv, cwd: string): string | null {
  const stateFolder = environment['STATE_DIRECTORY'] ?? path.join(cwd, '.openrouter-proxy');
  const found = statSync(stateFolder, { throwIfNoEntry: false });
  const isOwn = found?.uid === process.getuid?.() && ((found?.mode ?? 0) & OTHERS_MAY_WRITE) === 0;
  return found !== undefined && isOwn ? compileCacheIn(stateFolder) : null;
}
