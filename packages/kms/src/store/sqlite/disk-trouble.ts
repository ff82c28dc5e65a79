import { accessSync, constants, statfsSync } from 'node:fs';
import { dirname } from 'node:path';

/** Less room than this on its disk is no room for the file's write-ahead log. */
const LEAST_FREE_BYTES = 256 * 1024;

/** What keeps the file from being written, as the file system says; null: nothing. */
export function diskTrouble(path: string): string | null {
  try {
    accessSync(path, constants.W_OK);
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize < LEAST_FREE_BYTES ? 'no room on the disk' : null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
