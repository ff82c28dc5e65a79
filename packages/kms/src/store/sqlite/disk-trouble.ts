import { accessSync, constants, statfsSync } from 'node:fs';
import { dirname } from 'node:path';

/** With less free space, the write-ahead log of the file has no room. */
const LEAST_FREE_BYTES = 256 * 1024;

/** The reason why the file cannot be written; null if there is none. */
export function diskTrouble(path: string): string | null {
  try {
    accessSync(path, constants.W_OK);
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize < LEAST_FREE_BYTES ? 'no room on the disk' : null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
