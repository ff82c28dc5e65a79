import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  connectToUnixSocket,
  KmsClient,
  KmsError,
  type HandledMethod,
  type Params,
  type Result,
} from '@openrouter-proxy/kms-protocol';
import { installationOf, plain } from '@openrouter-proxy/runtime';
import { Failure } from './failure.ts';
import type { Io } from './io.ts';

/** The key service's location from the command line. */
export interface Whereabouts {
  readonly socket?: string | undefined;
  readonly config?: string | undefined;
}

/** Call timeouts; a reload takes longest. */
const CALL_MS = 5_000;
const RELOAD_MS = 30_000;

/** A connection to the key service. Its errors are of class Failure. */
export interface Kms {
  readonly socket: string;
  call<M extends HandledMethod>(method: M, params: Params<M>): Promise<Result<M>>;
  /** A call without a timeout, which Ctrl-C ends. */
  wait<M extends HandledMethod>(method: M, params: Params<M>, waitMs: number): Promise<Result<M>>;
}

/** The expected path of the socket. */
interface Place {
  readonly socket: string;
  /** Why the configuration could not be read, one line each; the path is then the default beside it. */
  readonly doubts: readonly string[];
}

/** The socket from the command line, else the one of the configuration that a start would use. */
async function findSocket({ socket, config }: Whereabouts, io: Io): Promise<Place> {
  if (socket !== undefined) return { socket, doubts: [] };
  // A systemd service names its socket, so that operators need no access to the configuration.
  const ofService = io.env['OPENROUTER_PROXY_GROUP_SOCKET'];
  if (config === undefined && ofService) return { socket: ofService, doubts: [] };
  const { findStatePaths } = await import('@openrouter-proxy/config/find-state-paths');
  const found = await findStatePaths({ path: config, env: io.env, cwd: io.cwd });
  return { socket: found.socket, doubts: found.problems };
}

/** Connects as an operator, runs `work`, and disconnects. */
export async function withKms<T>(
  where: Whereabouts,
  io: Io,
  work: (kms: Kms) => Promise<T>,
): Promise<T> {
  const place = await findSocket(where, io);
  const { socket } = place;
  // Connect before reading the token: a refused connection has a better hint than a missing token.
  let first: Awaited<ReturnType<typeof connectToUnixSocket>> | null = await connect(place);
  const token = await readToken(socket);
  const client = new KmsClient({
    connect: () => {
      const connection = first;
      first = null;
      return connection === null ? connectToUnixSocket(socket) : Promise.resolve(connection);
    },
    role: 'operator',
    token: { reveal: () => token },
    timeoutMs: CALL_MS,
  });
  const ask = async <M extends HandledMethod>(method: M, params: Params<M>, timeoutMs: number) => {
    try {
      return await client.call(method, params, { timeoutMs, signal: io.interrupted });
    } catch (cause) {
      throw explained(cause, socket);
    }
  };
  try {
    return await work({
      socket,
      call: (method, params) =>
        ask(method, params, method === 'service.reload' ? RELOAD_MS : CALL_MS),
      wait: (method, params, waitMs) => ask(method, params, waitMs + CALL_MS),
    });
  } finally {
    await client.close();
  }
}

/** The running service may belong to another installation than this command. */
const SYSTEMD_START = 'systemctl start openrouter-proxy';
function howToStart(): string {
  const commands = new Set([installationOf().startCommand, SYSTEMD_START]);
  return `Start it with ${[...commands].map((command) => `\`${command}\``).join(', or ')}.`;
}
const IN_DOUBT =
  'So the configuration does not say where the socket is, and the default place was tried.';
const DEMO = installationOf().kind === 'checkout' ? ' (`npm run demo` prints its own)' : '';
const ELSEWHERE = `If one runs with another configuration${DEMO}, name that with --config FILE, or its socket with --socket PATH.`;

async function connect({ socket, doubts }: Place) {
  try {
    return await connectToUnixSocket(socket);
  } catch (cause) {
    const why = whyNoConnection(socket, codeOf(cause));
    const message = doubts.length === 0 ? why : [...doubts.map(plain), IN_DOUBT, why].join('\n');
    throw new Failure('unreachable', message, { cause });
  }
}

function whyNoConnection(socket: string, code: string): string {
  switch (code) {
    case 'ENOENT':
      return `No key service runs with this configuration: there is no socket ${socket}.\n${howToStart()}\n${ELSEWHERE}`;
    case 'ECONNREFUSED':
      return `No key service runs with this configuration: nobody listens on ${socket}.\n${howToStart()}\n${ELSEWHERE}`;
    case 'EACCES':
    case 'EPERM':
      return `You may not use ${socket}: it is its owner's, or its group's.\nRun kms as the user that runs the service or as root, or have yourself added to the group of the service.`;
    case 'ENOTDIR':
    case 'ENOTSOCK':
      return `${socket} is not a socket.\n${ELSEWHERE}`;
    default:
      return `The key service cannot be reached on ${socket} (${code}).\n${ELSEWHERE}`;
  }
}

/** Reads the operator's token, which the launcher writes beside the socket. */
async function readToken(socket: string): Promise<string> {
  const path = join(dirname(socket), 'operator.token');
  try {
    return (await readFile(path, 'utf8')).trim().slice(0, 128);
  } catch (cause) {
    const why =
      codeOf(cause) === 'ENOENT'
        ? `${path} is missing: it is made when the service starts, so start the service again.`
        : `${path} cannot be read (${codeOf(cause)}): run kms as the user that runs the service or as root.`;
    throw new Failure('unreachable', `There is no way to prove that you are an operator.\n${why}`, {
      cause,
    });
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unknown';

function explained(error: unknown, socket: string): unknown {
  if (!KmsError.is(error, 'UNAVAILABLE')) {
    if (KmsError.is(error, 'FORBIDDEN')) {
      const message = `The service does not take the token beside ${socket} for its operator's: start the service again.`;
      return new Failure('refused', message, { cause: error });
    }
    if (error instanceof KmsError) return new Failure('refused', error.message, { cause: error });
    return error;
  }
  const message = `The key service does not answer on ${socket}. It may be starting: try again.`;
  return new Failure('unreachable', message, { cause: error });
}
