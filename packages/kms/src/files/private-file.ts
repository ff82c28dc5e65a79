import { closeSync, constants, fchmodSync, fstatSync, openSync } from 'node:fs';
import { EXIT, StartupError } from '@openrouter-proxy/runtime';

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;
/** Neither a link to a file elsewhere is followed, nor a pipe's other end waited for. */
const FLAGS = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK;

/**
 * Makes sure that a file is there, and that nobody else can read it: SQLite would make it with the
 * rights that are the custom of the system. Throws a StartupError if it cannot be had.
 */
export function preparePrivateFile(path: string): void {
  try {
    const file = openSync(path, FLAGS, 0o600);
    try {
      if (!fstatSync(file).isFile()) throw new Error('it is no regular file');
      fchmodSync(file, 0o600); // it may be older than this rule
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const line = `${path} cannot be used: ${reason}. It must belong to the user this runs as.`;
    throw new StartupError(EXIT.configuration, [line], { cause: error });
  }
}
