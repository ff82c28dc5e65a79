import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import {
  KmsError,
  listenOnUnixSocket,
  serve,
  type Handlers,
  type NoKeyData,
  type Outcome,
} from '@openrouter-proxy/kms-protocol';
import { Secret } from '@openrouter-proxy/runtime';

/** A report the gateway made. */
export interface Report {
  keyId: string;
  outcome: Outcome;
}

/** A key service of a few lines that speaks the real protocol: gives keys in turn, remembers reports. */
export interface KeyService {
  socket: string;
  token: Secret;
  /** The secrets it leases, in turn; may be changed. */
  secrets: string[];
  reports: Report[];
  /** How often a lease was asked for. */
  asked: number;
  /** Leases given so far. */
  leases: number;
  /** What is said when every key is excluded. */
  noKey: NoKeyData;
  /** A lease is given once this has resolved. */
  mayLease: Promise<unknown>;
  /** What came of each lease, in the order of the reports. */
  outcomes(): Outcome['kind'][];
  /** As if its process had been killed: the socket is gone, and so are its connections. */
  kill(): Promise<void>;
  /** Comes back on the same socket. */
  restart(): Promise<void>;
  /** As if its process had been stopped: takes connections and never says anything. */
  fallSilent(): Promise<void>;
  stop(): Promise<void>;
}

const keyIdOf = (index: number) => index.toString(16).padStart(12, '0');

function handlersOf(service: KeyService): Handlers {
  let turn = 0;
  const notHere = () => {
    throw new KmsError('METHOD_NOT_FOUND', 'not part of this test');
  };
  return {
    async 'lease.acquire'({ exclude = [] }) {
      service.asked += 1;
      await service.mayLease;
      const ids = service.secrets.map((_secret, index) => keyIdOf(index));
      const usable = ids.filter((id) => !exclude.includes(id));
      const keyId = usable[turn++ % usable.length];
      if (keyId === undefined) {
        throw new KmsError('NO_KEY_AVAILABLE', 'no key', { data: service.noKey });
      }
      service.leases += 1;
      const index = ids.indexOf(keyId);
      return {
        leaseId: `${keyId}.1.${String(service.leases).padStart(22, '0')}`,
        keyId,
        keyName: `key-${index + 1}`,
        secret: service.secrets[index] ?? '',
        expiresAt: Date.now() + 60_000,
      };
    },
    'lease.report'({ leaseId, outcome }) {
      service.reports.push({ keyId: leaseId.slice(0, 12), outcome });
      return { applied: true };
    },
    'keys.list': notHere,
    'keys.get': notHere,
    'keys.disable': notHere,
    'keys.enable': notHere,
    'keys.cool': notHere,
    'keys.uncool': notHere,
    'service.ping': () => ({ pong: true }),
    'service.status': () => ({
      version: 'test',
      startedAt: 0,
      keys: { available: service.secrets.length, cooling: 0, disabled: 0 },
      nextAvailableAt: null,
      leasesInFlight: service.leases - service.reports.length,
      store: { backend: 'memory', healthy: true },
    }),
  };
}

/** Listens on `socket`; gives the way to end it again. */
async function listen(socket: string, token: Secret, handlers: Handlers) {
  const onError = (error: unknown) => {
    throw error;
  };
  const server = serve({
    handlers,
    tokens: { gateway: token, operator: new Secret('operator-token-of-the-test') },
    version: 'test',
    onError,
  });
  const streams = new Set<Duplex>();
  const accept = (stream: Duplex) => {
    streams.add(stream);
    server.accept(stream);
  };
  const listener = await listenOnUnixSocket(socket, accept, onError);
  return async () => {
    listener.close();
    for (const stream of streams) stream.destroy();
    await server.stop();
  };
}

/** Takes connections on `socket` and never says anything on them. */
async function listenInSilence(socket: string) {
  const server = createServer().listen(socket);
  await once(server, 'listening');
  const connections = new Set<{ destroy(): void }>();
  server.on('connection', (connection) => {
    connections.add(connection);
    connection.on('error', () => undefined).resume();
  });
  return async () => {
    for (const connection of connections) connection.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
}

/** Starts it on a socket in a folder of its own. */
export async function startKeyService(secrets: string[]): Promise<KeyService> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kms-'));
  const socket = path.join(folder, 'run', 'kms.sock');
  const token = new Secret('gateway-token-of-the-test');
  let end: (() => Promise<void>) | undefined;
  const service: KeyService = {
    socket,
    token,
    secrets,
    reports: [],
    asked: 0,
    leases: 0,
    noKey: { reason: 'cooling', retryAfterMs: 7_000 },
    mayLease: Promise.resolve(),
    outcomes: () => service.reports.map(({ outcome }) => outcome.kind),
    async kill() {
      await end?.();
      end = undefined;
    },
    async restart() {
      await service.kill();
      end = await listen(socket, token, handlers);
    },
    async fallSilent() {
      await service.kill();
      end = await listenInSilence(socket);
    },
    async stop() {
      await service.kill();
      await rm(folder, { recursive: true });
    },
  };
  const handlers = handlersOf(service);
  await service.restart();
  return service;
}
