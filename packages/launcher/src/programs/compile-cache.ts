import { statSync } from 'node:fs';
import path from 'node:path';
import { chosenStateDir, defaultStateDirs } from '@openrouter-proxy/config/default-state-dir';

const OTHERS_MAY_WRITE = 0o022;

/** The folder inside a state folder that keeps compiled code from one start to the next. */
export const compileCacheIn = (stateDir: string) => path.join(stateDir, 'compile-cache');

/**
 * The launcher's compile cache before the configuration is read: in the state folder at its default
 * place. Null if that folder does not exist, or if other users can write to it.
 */
export function compileCacheFolder(environment: NodeJS.ProcessEnv, cwd: string): string | null {
  const ofSystemd = environment['STATE_DIRECTORY']?.split(':')[0];
  const stateDir = ofSystemd ?? chosenStateDir(defaultStateDirs(cwd, environment));
  const found = statSync(stateDir, { throwIfNoEntry: false });
  if (found === undefined || found.uid !== process.getuid?.()) return null;
  return (found.mode & OTHERS_MAY_WRITE) === 0 ? compileCacheIn(stateDir) : null;
}
