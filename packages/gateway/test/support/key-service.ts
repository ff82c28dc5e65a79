import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import {
  healthLevelOf,
  KmsError,
  listenOnUnixSocket,
  serve,
  type KeyCheckResult,
  type HandlerParams,
  type Handlers,
  type Health,
  type HealthCause,
  type Lease,
  type NoKeyData,
  type Outcome,
  type Usage,
} from '@openrouter-proxy/kms-protocol';
import { Secret } from '@openrouter-proxy/runtime';

/** A report the gateway made. */
export interface Report {
  keyId: string;
  outcome: Outcome;
  usage?: Usage | null;
  isUnsent?: boolean;
}

/** A key service of a few lines that speaks the real protocol: gives keys in turn, remembers reports. */
export interface KeyService {
  socket: string;
  token: Secret;
  /** The secrets it leases, in turn; may be changed. */
  secrets: string[];
  reports: Report[];
  /** Whether a report, or a message about requests, is refused as one that breaks the contract. */
  refuses: {
    report: (params: HandlerParams<'lease.report'>) => boolean;
    record: (params: HandlerParams<'requests.record'>) => boolean;
  };
  /** How often a lease was asked for. */
  asked: number;
  /** Leases given so far. */
  leases: number;
  /** Whether its leases are to be confirmed. */
  probe: boolean;
  /** Key ids of confirmed leases. */
  confirmed: string[];
  /** Request ids that left the line. */
  cancelled: string[];
  /** What each lease was asked for with. */
  acquires: HandlerParams<'lease.acquire'>[];
  findings: { keyId: string; finding: KeyCheckResult }[];
  /** Has a key inspected. */
  inspect(index: number): void;
  /** What is said when every key is excluded. */
  noKey: NoKeyData;
  /** Whether key checks ask for the account's credits too. */
  asksCredits: boolean;
  /** A lease is given once this has resolved. */
  mayLease: Promise<unknown>;
  /** The key for administration. */
  managementKey: string | null;
  /** Messages about requests that are over. */
  recorded: HandlerParams<'requests.record'>[];
  /** Such a message is answered once this has resolved. */
  mayRecord: Promise<unknown>;
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

function handlersOf(service: KeyService, takeInspection: () => Promise<number | null>): Handlers {
  let turn = 0;
  const leaseOf = (index: number): Lease => ({
    leaseId: `${keyIdOf(index)}.1.${String((service.leases += 1)).padStart(22, '0')}`,
    keyId: keyIdOf(index),
    keyName: `key-${index + 1}`,
    account: `key-${index + 1}`,
    probe: service.probe,
    queuedMs: 0,
    secret: service.secrets[index] ?? '',
    expiresAt: Date.now() + 60_000,
  });
  const notHere = () => {
    throw new KmsError('METHOD_NOT_FOUND', 'not part of this test');
  };
  return {
    async 'lease.acquire'(params) {
      const { exclude = [] } = params;
      service.asked += 1;
      service.acquires.push(params);
      await service.mayLease;
      const ids = service.secrets.map((_secret, index) => keyIdOf(index));
      const usable = ids.filter((id) => !exclude.includes(id));
      const keyId = usable[turn++ % usable.length];
      if (keyId === undefined) {
        throw new KmsError('NO_KEY_AVAILABLE', 'no key', { data: service.noKey });
      }
      return leaseOf(ids.indexOf(keyId));
    },
    'lease.cancel'({ internalId }) {
      service.cancelled.push(internalId);
      return { cancelled: true };
    },
    'lease.confirm'({ leaseId }) {
      service.confirmed.push(leaseId.slice(0, 12));
      return { applied: true };
    },
    'management.key': () => ({ secret: service.managementKey }),
    'objects.remember': () => ({}),
    'objects.find': () => ({ object: null, isCertain: true }),
    'objects.list': notHere,
    'objects.forget': () => ({}),
    async 'inspection.take'() {
      const index = await takeInspection();
      const lease = index === null ? null : leaseOf(index);
      return { lease, asksCredits: service.asksCredits };
    },
    'inspection.report'({ leaseId, finding }) {
      service.findings.push({ keyId: leaseId.slice(0, 12), finding });
      return { applied: true };
    },
    'lease.report'(params) {
      const { leaseId, outcome, usage, isUnsent } = params;
      if (service.refuses.report(params)) throw new KmsError('INVALID_PARAMS', 'refused');
      const used = usage === undefined ? {} : { usage };
      const sent = isUnsent === undefined ? {} : { isUnsent };
      service.reports.push({ keyId: leaseId.slice(0, 12), outcome, ...used, ...sent });
      return { applied: true };
    },
    'keys.list': notHere,
    'keys.whyNot': notHere,
    'leases.list': () => ({ leases: [], total: 0 }),
    'keys.history': notHere,
    async 'requests.record'(params) {
      if (service.refuses.record(params)) throw new KmsError('INVALID_PARAMS', 'refused');
      service.recorded.push(params);
      await service.mayRecord;
      return { leftOut: 0 };
    },
    'requests.recent': notHere,
    'requests.explain': notHere,
    'usage.query': notHere,
    'traffic.query': notHere,
    'events.subscribe': notHere,
    'metrics.read': () => ({ families: [] }),
    'keys.get': notHere,
    'keys.disable': notHere,
    'keys.enable': notHere,
    'keys.cool': notHere,
    'keys.uncool': notHere,
    'service.reload': notHere,
    'service.ping': () => ({ pong: true }),
    'service.status': () => ({
      version: 'test',
      startedAt: 0,
      health: healthWith(service.secrets.length),
      keys: { available: service.secrets.length, cooling: 0, refused: 0, disabled: 0 },
      nextAvailableAt: null,
      leasesInFlight: service.leases - service.reports.length,
      waiting: 0,
      sharedAccounts: [],
      limits: [],
      store: { backend: 'memory', healthy: true, trouble: null, machines: [] },
      process: { cpuSeconds: 0, residentBytes: 0 },
    }),
  };
}

function healthWith(keys: number): Health {
  const causes: HealthCause[] = keys > 0 ? [] : [{ kind: 'no_keys', since: 0 }];
  return { level: healthLevelOf(causes), causes, lastAnswerAt: null };
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
  const due: number[] = [];
  const askers: (() => void)[] = [];
  const service: KeyService = {
    socket,
    token,
    secrets,
    reports: [],
    asksCredits: false,
    refuses: { report: () => false, record: () => false },
    asked: 0,
    leases: 0,
    noKey: { reason: 'cooling', retryAfterMs: 7_000 },
    mayLease: Promise.resolve(),
    managementKey: null,
    recorded: [],
    mayRecord: Promise.resolve(),
    probe: false,
    confirmed: [],
    cancelled: [],
    acquires: [],
    findings: [],
    inspect(index) {
      due.push(index);
      askers.shift()?.();
    },
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
  const takeInspection = async () => {
    if (due.length === 0) await new Promise<void>((resolve) => askers.push(resolve));
    return due.shift() ?? null;
  };
  const handlers = handlersOf(service, takeInspection);
  await service.restart();
  return service;
}
