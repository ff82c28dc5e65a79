import { closeSync, fchmodSync, openSync } from 'node:fs';
import { EXIT, StartupError } from '@openrouter-proxy/runtime';

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
    const reason = error instanceof Error ? error.message : String(error);
    const line = `${path} cannot be used: ${reason}. It must belong to the user this runs as.`;
    throw new StartupError(EXIT.configuration, [line], { cause: error });
  }
}
