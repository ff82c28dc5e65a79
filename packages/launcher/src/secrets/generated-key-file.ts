import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import type { LoadedConfig } from '@openrouter-proxy/config';
import type { Logger } from '@openrouter-proxy/runtime';
import { generatedKeyPaths } from './access-key.ts';

/**
 * Renames the file of the generated access key to `access_key.unused` while another access key is
 * configured, and back once none is. So `cat access_key` gives a key that works, or nothing. It is
 * called when the configuration is in effect: a start or a reload that fails changes nothing.
 */
export async function nameGeneratedKeyFile(
  { config, origin }: Pick<LoadedConfig, 'config' | 'origin'>,
  logger: Logger,
): Promise<void> {
  const { used, unused } = generatedKeyPaths(config.state_dir);
  const isUsed = origin.accessKey === null;
  if (isUsed && existsSync(used)) return;
  const [from, to] = isUsed ? [unused, used] : [used, unused];
  if (!existsSync(from) || existsSync(to)) return; // never overwrites a file
  try {
    await rename(from, to);
  } catch (error) {
    logger.warning('the file of the generated access key could not be renamed', {
      from,
      to,
      error,
    });
    return;
  }
  if (isUsed) logger.info('the generated access key is used again', { file: to });
  else logger.info('the generated access key is not used: another one is configured', { file: to });
}
