import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, isAbsolute, join } from 'node:path';
import { MAX_SOCKET_PATH_BYTES } from '@openrouter-proxy/runtime';

const OTHERS = 0o077;

/** The two default places of the state folder. */
export interface DefaultStateDirs {
  /** `.openrouter-proxy` beside the configuration. */
  readonly beside: string;
  /** For a file system that is read-only, or keeps no modes or Unix sockets. Null without a home folder. */
  readonly home: string | null;
}

/** Both default places for a configuration's folder; the name in the home folder depends on that folder. */
export function defaultStateDirs(
  folder: string,
  env: Readonly<Record<string, string | undefined>>,
): DefaultStateDirs {
  const base = stateHome(env);
  const hash = createHash('sha256').update(folder).digest('hex').slice(0, 8);
  const name = `${basename(folder).replaceAll(/[^\w.-]+/g, '_')}-${hash}`;
  return {
    beside: join(folder, '.openrouter-proxy'),
    home: base === null ? null : join(base, 'openrouter-proxy', name),
  };
}

/** `$XDG_STATE_HOME`, or its default (XDG Base Directory Specification); relative values are invalid there. */
function stateHome({ XDG_STATE_HOME: given, HOME: home = homedir() }: NodeJS.ProcessEnv) {
  if (given !== undefined && isAbsolute(given)) return given;
  return isAbsolute(home) ? join(home, '.local', 'state') : null;
}

/**
 * The default state folder: beside the configuration, unless an earlier start could not use that place
 * and made the folder in the user's home. Launcher and CLI apply the same rule.
 */
export function chosenStateDir({ beside, home }: DefaultStateDirs): string {
  if (home === null) return beside;
  const fits = Buffer.byteLength(join(beside, 'kms.sock')) <= MAX_SOCKET_PATH_BYTES;
  if (!fits) return home;
  return !isPrivateFolder(beside) && isPrivateFolder(home) ? home : beside;
}

function isPrivateFolder(path: string): boolean {
  try {
    const found = statSync(path);
    return found.isDirectory() && (found.mode & OTHERS) === 0;
  } catch {
    return false; // missing, or not accessible to this user
  }
}
