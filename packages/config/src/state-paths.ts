import { join, resolve } from 'node:path';
import type { Remark } from './problem.ts';
import { valueAt } from './value-path.ts';

/** `sun_path` of unix(7) holds 108 bytes, the closing zero among them. */
const LONGEST_SOCKET_PATH = 107;

/**
 * Names a socket for the key service that members of the service's group may use too. For service
 * managers, which give the service a group of its own; it comes before what the file says.
 */
const GROUP_SOCKET = 'OPENROUTER_PROXY_GROUP_SOCKET';

/** Who may connect to the key service: its own user, or its group as well. */
export type SocketAccess = 'owner' | 'group';

/** The folder for what is written, and the key service's socket; both absolute. */
export interface StatePaths {
  readonly stateDir: string;
  readonly socket: string;
  readonly socketAccess: SocketAccess;
}

/** Where they are; relative paths, and the default, start from the configuration's folder. */
export function statePaths(
  value: unknown,
  env: Readonly<Record<string, string | undefined>>,
  folder: string,
): StatePaths {
  const [ofSystemd] = (env['STATE_DIRECTORY'] ?? '').split(':'); // systemd.exec(5): may name several
  const given = [valueAt(value, 'state_dir'), ofSystemd].find(isPath);
  const stateDir = resolve(folder, given ?? '.openrouter-proxy');
  const groupSocket = env[GROUP_SOCKET];
  if (isPath(groupSocket)) {
    return { stateDir, socket: resolve(folder, groupSocket), socketAccess: 'group' };
  }
  const socket = valueAt(value, 'kms', 'socket');
  return {
    stateDir,
    socket: isPath(socket) ? resolve(folder, socket) : join(stateDir, 'kms.sock'),
    socketAccess: 'owner',
  };
}

const isPath = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** What is wrong with them. */
export function checkStatePaths({ socket }: StatePaths): Remark[] {
  const length = Buffer.byteLength(socket);
  if (length <= LONGEST_SOCKET_PATH) return [];
  const text = `the path ${socket} has ${length} bytes, and a Unix socket's can have ${LONGEST_SOCKET_PATH}: set \`kms.socket\` or \`state_dir\` to a shorter one`;
  return [{ path: ['kms', 'socket'], text }];
}
