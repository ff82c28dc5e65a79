import { IN_MEMORY, openUsageFile, type UsageFile } from '../../src/usage/usage-file.ts';

/** A file of totals that is gone when it is closed. */
export function memoryUsageFile(): UsageFile {
  return openUsageFile(IN_MEMORY, 0, () => undefined);
}
