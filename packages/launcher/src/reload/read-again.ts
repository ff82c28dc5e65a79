import { existsSync } from 'node:fs';
import { UnreadableConfigError, type LoadedConfig } from '@openrouter-proxy/config';
import { EXIT, StartupError } from '@openrouter-proxy/runtime';

/**
 * Loads the configuration again for a launcher that was started with `file`; null for none. Rejects with
 * a StartupError if it is invalid, or if the file is gone: falling back to the defaults would drop every
 * setting.
 */
export async function readAgain(
  file: string | null,
  load: () => Promise<LoadedConfig>,
): Promise<LoadedConfig> {
  if (file !== null && !existsSync(file)) throw fileIsGone(file);
  const loaded = await load().catch((error: unknown) => {
    if (!(error instanceof UnreadableConfigError)) throw error;
    const lines = [`${error.label} cannot be read:`, ...error.problems];
    throw new StartupError(error.exitCode, lines, { cause: error });
  });
  if (file !== null && loaded.file === null) throw fileIsGone(file); // deleted since the check above
  return loaded;
}

const fileIsGone = (file: string) =>
  new StartupError(EXIT.configuration, [
    `${file}, which the launcher was started with, is no longer there: put it back, or start again without it`,
  ]);
