import { join, resolve } from 'node:path';
import { MAX_SOCKET_PATH_BYTES } from '@openrouter-proxy/runtime';
import { chosenStateDir, defaultStateDirs } from './default-state-dir.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import { valueAt } from '../values/value-path.ts';

/**
 * A socket path of the key service that the service's group may use too. Service managers set it; it
 * overrides the file.
 */
const GROUP_SOCKET = 'OPENROUTER_PROXY_GROUP_SOCKET';

/** Who may connect to the key service: its own user, or its group as well. */
export const SOCKET_ACCESS = ['owner', 'group'] as const;

/** One of them. */
export type SocketAccess = (typeof SOCKET_ACCESS)[number];

/** The state folder and the key service's socket; both absolute. */
export interface StatePaths {
  readonly stateDir: string;
  /** Where the state folder goes if `stateDir` cannot hold it; null if a setting names it. */
  readonly stateDirInHome: string | null;
  readonly socket: string;
  readonly socketAccess: SocketAccess;
}

/** Finds the state paths. Relative paths and the default start from the configuration's folder. */
export function statePaths(
  value: unknown,
  env: Readonly<Record<string, string | undefined>>,
  folder: string,
): StatePaths {
  const [ofSystemd] = (env['STATE_DIRECTORY'] ?? '').split(':'); // systemd.exec(5): may name several
  const given = [valueAt(value, 'state_dir'), ofSystemd].find(isPath);
  const defaults = defaultStateDirs(folder, env);
  const stateDir = given === undefined ? chosenStateDir(defaults) : resolve(folder, given);
  const stateDirInHome = given === undefined ? defaults.home : null;
  const groupSocket = env[GROUP_SOCKET];
  if (isPath(groupSocket)) {
    return {
      ...{ stateDir, stateDirInHome },
      ...{ socket: resolve(folder, groupSocket), socketAccess: 'group' },
    };
  }
  const socket = valueAt(value, 'kms', 'socket');
  return {
    ...{ stateDir, stateDirInHome },
    socket: isPath(socket) ? resolve(folder, socket) : join(stateDir, 'kms.sock'),
    socketAccess: 'owner',
  };
}

const isPath = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** Problems of the state paths. */
export function checkStatePaths({ socket }: StatePaths): Diagnostic[] {
  const length = Buffer.byteLength(socket);
  if (length <= MAX_SOCKET_PATH_BYTES) return [];
  const text = `the path ${socket} has ${length} bytes, and a Unix socket's can have ${MAX_SOCKET_PATH_BYTES}: set \`kms.socket\` or \`state_dir\` to a shorter one`;
  return [{ path: ['kms', 'socket'], text }];
}
