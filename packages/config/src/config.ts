import type { Secret } from '@openrouter-proxy/runtime';
import type { UpstreamKey } from './keys/pool-keys.ts';
import type { Settings } from './schema/config-file.ts';
import type { SocketAccess, StatePaths } from './paths/state-paths.ts';

/**
 * The whole configuration under the names of the file, with all defaults filled in. Durations are in
 * milliseconds, sizes in bytes, paths absolute, secrets wrapped.
 */
export interface Config {
  readonly server: Omit<Settings['server'], 'access_key'> & {
    /** Null if none is configured. */
    readonly access_key: Secret | null;
  };
  readonly openrouter: Omit<Settings['openrouter'], 'keys' | 'global_rate_delay'> & {
    readonly keys: readonly UpstreamKey[];
  };
  /** URL of the outgoing proxy, with its credentials; null means none. */
  readonly requestProxy: Secret | null;
  readonly kms: { readonly socket: string; readonly access: SocketAccess };
  readonly state: Settings['state'];
  readonly state_dir: string;
}

/** Combines the settings of the file with the keys and paths that it refers to. */
export function assembleConfig(
  { server, openrouter, requestProxy, state }: Settings,
  keys: readonly UpstreamKey[],
  { stateDir, socket, socketAccess }: StatePaths,
): Config {
  const { global_rate_delay, ...settings } = openrouter;
  const google_rate_delay = global_rate_delay ?? settings.google_rate_delay;
  return {
    server: { ...server, access_key: server.access_key ?? null },
    openrouter: { ...settings, keys, google_rate_delay },
    requestProxy,
    kms: { socket, access: socketAccess },
    state,
    state_dir: stateDir,
  };
}
