import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  renameSync,
  statSync,
  unlinkSync,
  type BigIntStats,
} from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { MAX_SOCKET_PATH_BYTES } from '@openrouter-proxy/runtime';

/** How often a start looks again when others start or stop at the same time. */
const MAX_CLAIMS = 20;
/** How often it is looked after whether the socket is still there. */
const LOOK_EVERY_MS = 1_000;

/** Why a Unix socket cannot be listened on, or not be asked for. */
export type UnixSocketErrorCode =
  /** Another process listens there. */
  | 'ALREADY_RUNNING'
  | 'PATH_TOO_LONG'
  /** Others may enter the folder. */
  | 'FOLDER_NOT_PRIVATE'
  /** Something stands in the place that is not ours to remove. */
  | 'NOT_OUR_SOCKET';

/** A Unix socket cannot be had; `code` says why, the message what to do. */
export class UnixSocketError extends Error {
  override readonly name = 'UnixSocketError';
  readonly code: UnixSocketErrorCode;

  constructor(code: UnixSocketErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Who may connect: the user that listens, or the members of its group as well. */
export type UnixSocketAccess = 'owner' | 'group';

/** The modes that this takes, and what nobody may do to the folder. */
const MODES = {
  owner: { folder: 0o700, foreign: 0o077, socket: 0o600 },
  group: { folder: 0o750, foreign: 0o027, socket: 0o660 },
} as const;

/** A socket that is being listened on. */
export interface UnixListener {
  readonly path: string;
  /** Takes no more connections, and removes the socket if it is still this one; connections stay. */
  readonly close: () => void;
}

/**
 * Listens on a Unix socket that only we can open: mode 0600 in a folder 0700, which is made if it is
 * missing; for access by the group, 0660 in a folder 0750. The socket gets its mode under another name, so that it is never seen with a wider one.
 * A socket nobody listens on is replaced; of several starts at once, one wins; one that somebody
 * deletes is made anew. Rejects with a UnixSocketError, or with what the system says. `onError` hears
 * of connections that could not be taken.
 */
export async function listenOnUnixSocket(
  path: string,
  onConnection: (socket: Socket) => void,
  onError: (error: Error) => void,
  access: UnixSocketAccess = 'owner',
): Promise<UnixListener> {
  const listen = () => listenOnce(path, onConnection, onError, access);
  let current = await listen();
  let [isBusy, isClosed] = [false, false];
  const lookAfter = async () => {
    if (isBusy || statIfThere(path) !== undefined) return;
    isBusy = true;
    try {
      const before = current;
      current = await listen();
      before.close();
      if (isClosed) current.close();
    } catch (error) {
      onError(error instanceof Error ? error : new Error(String(error)));
    } finally {
      isBusy = false;
    }
  };
  const timer = setInterval(() => void lookAfter(), LOOK_EVERY_MS).unref();
  return {
    path,
    close: () => {
      isClosed = true;
      clearInterval(timer);
      current.close();
    },
  };
}

async function listenOnce(
  path: string,
  onConnection: (socket: Socket) => void,
  onError: (error: Error) => void,
  access: UnixSocketAccess,
): Promise<UnixListener> {
  const folder = dirname(path);
  const unclaimed = temporaryName(folder);
  requireShortPath(path);
  requireShortPath(unclaimed);
  prepareFolder(folder, access);
  // A client may half-close after its last request; it is still to be answered.
  const server = createServer({ allowHalfOpen: true }, onConnection);
  server.listen(unclaimed);
  await once(server, 'listening');
  server.on('error', onError);
  try {
    chmodSync(unclaimed, MODES[access].socket);
    const own = lstatSync(unclaimed, { bigint: true });
    await claim(unclaimed, path);
    return { path, close: () => closeListener(server, path, own) };
  } catch (error) {
    server.close();
    throw error;
  }
}

/** Connects to a Unix socket. Rejects with what the system says, or when `timeoutMs` have passed. */
export async function connectToUnixSocket(path: string, timeoutMs = 1_000): Promise<Socket> {
  requireShortPath(path);
  const socket = connect(path);
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(timeoutMs) });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function requireShortPath(path: string): void {
  const length = Buffer.byteLength(path);
  if (length <= MAX_SOCKET_PATH_BYTES) return;
  throw new UnixSocketError(
    'PATH_TOO_LONG',
    `The socket path is ${length} bytes long, and the system takes ${MAX_SOCKET_PATH_BYTES}: choose a shorter one. It is ${path}`,
  );
}

function prepareFolder(folder: string, access: UnixSocketAccess): void {
  const allowed = MODES[access];
  mkdirSync(folder, { recursive: true, mode: allowed.folder });
  const { uid, mode } = statSync(folder);
  if (uid === process.getuid?.() && (mode & allowed.foreign) === 0) return;
  const cure = `${access === 'owner' ? 'yours alone' : "yours and your group's"} (chmod ${allowed.folder.toString(8)})`;
  throw new UnixSocketError(
    'FOLDER_NOT_PRIVATE',
    `Others may enter ${folder}, where the key service's socket is to be: make it ${cure}, or choose another.`,
  );
}

/**
 * Gives our socket its real name. A hard link does it, because unlike a rename it never replaces
 * anything: of two who try, one fails.
 */
async function claim(unclaimed: string, path: string): Promise<void> {
  for (let attempt = 0; attempt < MAX_CLAIMS; attempt += 1) {
    if (linkIfFree(unclaimed, path)) {
      unlinkSync(unclaimed);
      return;
    }
    const there = statIfThere(path);
    if (there === undefined) continue;
    if (there.isSocket() && (await isAlive(path))) break;
    if (!there.isSocket() || there.uid !== BigInt(process.getuid?.() ?? 0)) {
      throw new UnixSocketError(
        'NOT_OUR_SOCKET',
        `${path} is in the way, and it is no socket of ours: move it, or choose another path.`,
      );
    }
    removeStale(path, there);
  }
  throw new UnixSocketError('ALREADY_RUNNING', `A key service is already running on ${path}.`);
}

function linkIfFree(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Only a refused connection proves that nobody listens; a full queue, for one, proves the contrary. */
async function isAlive(path: string): Promise<boolean> {
  try {
    const socket = await connectToUnixSocket(path);
    socket.destroy();
    return true;
  } catch (error) {
    return !['ECONNREFUSED', 'ENOENT'].includes(codeOf(error));
  }
}

/**
 * Removes a socket that was found dead, unless another start has replaced it since. There is no
 * removing by inode: it is moved aside, looked at, and put back if it is not the one.
 */
function removeStale(path: string, stale: BigIntStats): void {
  if (!isSame(statIfThere(path), stale)) return;
  const aside = temporaryName(dirname(path));
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  if (isSame(statIfThere(aside), stale)) unlinkSync(aside);
  else renameSync(aside, path);
}

/** The path is another's if a newer service has taken it: then it stays. */
function closeListener(server: Server, path: string, own: BigIntStats): void {
  // As long as we listen, no other file can be given our inode's number.
  if (isSame(statIfThere(path), own)) unlinkSync(path);
  server.close();
}

function statIfThere(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

function isSame(one: BigIntStats | undefined, other: BigIntStats): boolean {
  return one?.ino === other.ino && one.dev === other.dev;
}

/** As short as the real name is likely to be: it has to fit into the same limit. */
function temporaryName(folder: string): string {
  return join(folder, `.${randomBytes(5).toString('base64url')}`);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
