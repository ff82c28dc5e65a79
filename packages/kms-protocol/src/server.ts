import type { Duplex } from 'node:stream';
import { errorLine } from './answer.ts';
import type { Method, Role } from './contract.ts';
import { checkedMethods, type Handlers, type Session } from './handlers.ts';
import { admitByToken, type Token } from './hello.ts';
import { KmsError } from './kms-error.ts';
import { LINE_LIMITS } from './line-connection.ts';
import {
  ServerConnection,
  type ConnectionLimits,
  type Host,
  type Opened,
} from './server-connection.ts';

/** How much a server takes on. */
export interface ServerLimits extends ConnectionLimits {
  connections: number;
  /** How long requests under way may take when the server stops; milliseconds. */
  stopMs: number;
}

/** The limits of a server that is given no others. */
const SERVER_LIMITS: ServerLimits = {
  ...LINE_LIMITS,
  connections: 64,
  inFlight: 4_096,
  helloMs: 5_000,
  stopMs: 1_000,
};

/** What a server is made of. */
export interface ServerOptions {
  handlers: Handlers;
  /** What each role has to show. */
  tokens: Readonly<Record<Role, Token>>;
  /** The version of the service, told in answer to a hello. */
  version: string;
  /** A session begins; its hello is answered when this is done. */
  onSession?: (opened: Opened) => void | Promise<void>;
  /** A session has ended, for whatever reason. */
  onSessionEnd?: (session: Session) => void;
  /** A handler failed with something that is no KmsError; its caller is told INTERNAL_ERROR, no more. */
  onError: (error: unknown, method: Method) => void;
  limits?: Partial<ServerLimits>;
}

/** A running server. It does not listen: it is given its connections. */
export interface KmsServer {
  /** Serves one connection: what `listenOnUnixSocket` wants. */
  readonly accept: (stream: Duplex) => void;
  /** Takes no more requests, answers those under way, and resolves when every connection is closed. */
  readonly stop: () => Promise<void>;
}

/** Serves the contract on the connections it is given. */
export function serve(options: ServerOptions): KmsServer {
  const limits = { ...SERVER_LIMITS, ...options.limits };
  const connections = new Set<ServerConnection>();
  const stopped = Promise.withResolvers<undefined>();
  let stopping = false;
  let sessions = 0;
  const host: Host = {
    methods: checkedMethods(options.handlers),
    admit: admitByToken(options.tokens),
    version: options.version,
    limits,
    nextSessionId: () => (sessions += 1),
    onSession: (opened) => options.onSession?.(opened),
    onSessionEnd: (session) => options.onSessionEnd?.(session),
    onError: options.onError,
    onClose: (connection) => {
      connections.delete(connection);
      if (stopping && connections.size === 0) stopped.resolve(undefined);
    },
  };
  return {
    accept: (stream) => {
      if (stopping || !hasRoom(connections, limits)) refuse(stream);
      else connections.add(new ServerConnection(stream, host));
    },
    stop: async () => {
      stopping = true;
      if (connections.size === 0) return;
      for (const connection of connections) connection.leave();
      const timer = setTimeout(() => {
        for (const connection of connections) connection.destroy();
      }, limits.stopMs);
      await stopped.promise;
      clearTimeout(timer);
    },
  };
}

/** When full, the connection that has been longest without a hello makes room: a flood keeps nobody out. */
function hasRoom(connections: Set<ServerConnection>, limits: ServerLimits): boolean {
  if (connections.size < limits.connections) return true;
  const silent = connections.values().find((connection) => !connection.greeted);
  if (silent === undefined) return false;
  connections.delete(silent);
  silent.destroy();
  return true;
}

function refuse(stream: Duplex): void {
  const error = new KmsError(
    'UNAVAILABLE',
    'The key service takes no more connections: try later.',
  );
  stream.on('error', () => stream.destroy());
  stream.end(`${errorLine(error)}\n`, () => stream.destroy());
}
