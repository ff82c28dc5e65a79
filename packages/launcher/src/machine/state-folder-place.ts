import { rmdir } from 'node:fs/promises';
import type { LoadedConfig } from '@openrouter-proxy/config';
import {
  prepareStateFolder,
  requireUnixSockets,
  StateFolderError,
} from '@openrouter-proxy/runtime';

/** A configuration with a ready state folder, and notices about the folder's place. */
export interface Placed {
  readonly loaded: LoadedConfig;
  readonly notices: readonly string[];
}

/**
 * Loads the configuration and prepares its state folder. Where no setting names the folder and its
 * default place cannot hold it (read-only, a Windows drive under WSL), the folder goes to the user's
 * home, where every later load finds it. Rejects with a StartupError.
 */
export async function loadWithStateFolder(load: () => Promise<LoadedConfig>): Promise<Placed> {
  const loaded = await load();
  const { stateDirInHome: home, config } = loaded;
  if (home === null) {
    await prepareStateFolder(config.state_dir);
    return { loaded, notices: [] };
  }
  if (config.state_dir === home) return await placedInHome(loaded, home);
  try {
    await prepareStateFolder(config.state_dir);
    await requireUnixSockets(config.state_dir);
    return { loaded, notices: [] };
  } catch (error) {
    if (!(error instanceof StateFolderError) || error.fault === 'open') throw error;
    await rmdir(config.state_dir).catch(() => undefined); // removes only an empty folder
    await prepareStateFolder(home);
    return await placedInHome(await load(), home);
  }
}

async function placedInHome(loaded: LoadedConfig, home: string): Promise<Placed> {
  await prepareStateFolder(home);
  const notice = `State and socket are kept in ${home}: the folder of the configuration cannot hold them (read-only, too long a path, or no modes and Unix sockets). \`state_dir\` names another place.`;
  return { loaded, notices: [notice] };
}
