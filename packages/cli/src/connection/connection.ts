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

/** Where the key service is, as the command line says. */
export interface Whereabouts {
  readonly socket?: string | undefined;
  readonly config?: string | undefined;
}

/** Time for the service to do what it is asked; reading the configuration again takes longest. */
const CALL_MS = 5_000;
const RELOAD_MS = 30_000;

/** The way to a key service. Every failure of it is a Failure. */
export interface Kms {
  readonly socket: string;
  call<M extends HandledMethod>(method: M, params: Params<M>): Promise<Result<M>>;
  /** As above, for a call that may take its time and ends when the person has had enough. */
  wait<M extends HandledMethod>(method: M, params: Params<M>, waitMs: number): Promise<Result<M>>;
}

/** Where the socket should be. */
interface Place {
  readonly socket: string;
  /** Why the configuration does not say so, one line each; the place is then the default beside it. */
  readonly doubts: readonly string[];
}

/** The socket that is named, else the one of the configuration that a start would find. */
async function findSocket({ socket, config }: Whereabouts, io: Io): Promise<Place> {
  if (socket !== undefined) return { socket, doubts: [] };
  // A service manager says where it is; then nobody needs to be able to read the configuration.
  const ofService = io.env['OPENROUTER_PROXY_GROUP_SOCKET'];
  if (config === undefined && ofService) return { socket: ofService, doubts: [] };
  const { findStatePaths } = await import('@openrouter-proxy/config/find-state-paths');
  const found = await findStatePaths({ path: config, env: io.env, cwd: io.cwd });
  return { socket: found.socket, doubts: found.problems };
}

/** Connects as an operator, does some work, and takes leave. */
export async function withKms<T>(
  where: Whereabouts,
  io: Io,
  work: (kms: Kms) => Promise<T>,
): Promise<T> {
  const place = await findSocket(where, io);
  const { socket } = place;
  // Whether anybody listens is asked first: then there is something to say about why not.
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

/** The service of a machine may be of another installation than this command. */
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

/** The launcher puts it beside the socket. */
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
