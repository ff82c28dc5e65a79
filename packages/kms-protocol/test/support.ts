import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { onTestFinished } from 'vitest';
import type { Params, Role } from '../src/contract.ts';
import type { HandledMethod, Handlers } from '../src/handlers.ts';
import type { KeyView } from '../src/key-view.ts';
import { connectInMemory } from '../src/in-memory.ts';
import { serve, type KmsServer, type ServerOptions } from '../src/server.ts';

const token = () => {
  const value = randomBytes(32).toString('base64url');
  return { reveal: () => value };
};

/** Tokens as the launcher makes them. */
export const TOKENS = { gateway: token(), operator: token() };

const KEY_ID = '0123456789ab';
export const LEASE_ID = `${KEY_ID}.1.${'r'.repeat(22)}`;

const key: KeyView = {
  keyId: KEY_ID,
  name: 'first',
  state: { kind: 'available', since: 0 },
  check: null,
  upstream: null,
  inFlight: 0,
  maxConcurrency: null,
  statusSince: 0,
  account: 'first',
  freeRequests: {
    minute: { used: 0, limit: 20, resetsAt: 60_000 },
    day: { used: 0, limit: null, resetsAt: 86_400_000 },
  },
  limitRemaining: null,
  expiresAt: null,
  today: {
    answered: 0,
    failed: 0,
    unknown: 0,
    sent: 0,
    received: 0,
    cached: 0,
    reasoning: 0,
    cost: 0,
  },
  unexplainedCost: null,
  limits: [],
};

const lease = () => ({
  leaseId: LEASE_ID,
  keyId: KEY_ID,
  keyName: 'first',
  account: 'first',
  probe: false,
  queuedMs: 0,
  secret: 'secret',
  expiresAt: 1,
});

/** A key service that always has the same to say. */
export const HANDLERS: Handlers = {
  'lease.acquire': lease,
  'lease.cancel': () => ({ cancelled: true }),
  'lease.confirm': () => ({ applied: true }),
  'lease.report': () => ({ applied: true }),
  'inspection.take': () => ({ lease: lease(), asksCredits: false }),
  'inspection.report': () => ({ applied: true }),
  'keys.list': () => ({ keys: [key], total: 1 }),
  'keys.whyNot': () => ({ canServe: true, reasons: [] }),
  'keys.history': () => ({ lanes: [] }),
  'leases.list': () => ({ leases: [], total: 0 }),
  'requests.record': () => ({ leftOut: 0 }),
  'objects.remember': () => ({}),
  'objects.find': () => ({ object: null, isCertain: true }),
  'objects.list': () => ({ objects: [], isCertain: true }),
  'objects.forget': () => ({}),
  'requests.recent': () => ({ requests: [], next: null }),
  'requests.explain': () => ({ request: null, story: [] }),
  'usage.query': () => ({ rows: [], machines: 1, sharedAt: null }),
  'traffic.query': () => ({ stepMs: 1, points: [] }),
  'events.subscribe': () => ({ events: [], last: 0 }),
  'metrics.read': () => ({ families: [] }),
  'keys.get': () => key,
  'keys.disable': () => key,
  'keys.enable': () => key,
  'keys.cool': () => key,
  'keys.uncool': () => key,
  'service.status': () => ({
    version: '1.2.3',
    startedAt: 0,
    health: { level: 'ok', causes: [], lastAnswerAt: null },
    keys: { available: 1, cooling: 0, refused: 0, disabled: 0 },
    nextAvailableAt: null,
    leasesInFlight: 0,
    waiting: 0,
    sharedAccounts: [],
    limits: [],
    store: { backend: 'memory', healthy: true, trouble: null, machines: [] },
    process: { cpuSeconds: 1, residentBytes: 1 },
  }),
  'service.reload': () => ({
    ...{ outcome: 'unchanged', problems: [], warnings: [], changes: [], needsRestart: [] },
  }),
  'management.key': () => ({ secret: null }),
  'service.ping': () => ({ pong: true }),
};

/** Parameters each method takes. */
export const PARAMS: { [M in HandledMethod]: Params<M> } = {
  'lease.acquire': { requestId: 'r1', model: null, api: 'chat' },
  'lease.cancel': { internalId: 'r' },
  'lease.confirm': { leaseId: LEASE_ID },
  'lease.report': { leaseId: LEASE_ID, outcome: { kind: 'unused' } },
  'inspection.take': { waitMs: 0 },
  'inspection.report': {
    leaseId: LEASE_ID,
    finding: { kind: 'failed', outcome: { kind: 'unused' } },
  },
  'keys.list': {},
  'keys.whyNot': { keyId: KEY_ID, model: null },
  'leases.list': {},
  'keys.history': { since: 0, limit: 1 },
  'requests.record': { batch: 'one', requests: [] },
  'objects.remember': { objects: [{ kind: 'video', id: 'v', leaseId: LEASE_ID, client: 'ann' }] },
  'objects.find': { kind: 'video', id: 'v' },
  'objects.list': { kind: 'video', client: 'ann', after: null, limit: 1 },
  'objects.forget': { kind: 'video', id: 'v' },
  'requests.recent': { limit: 1 },
  'requests.explain': { requestId: 'r' },
  'usage.query': { since: 0, by: 'day' },
  'traffic.query': { since: 0 },
  'events.subscribe': { after: null, waitMs: 0 },
  'metrics.read': {},
  'keys.get': { keyId: KEY_ID },
  'keys.disable': { keyId: KEY_ID, reason: 'test' },
  'keys.enable': { keyId: KEY_ID },
  'keys.cool': { keyId: KEY_ID, forMs: 1, reason: 'test' },
  'keys.uncool': { keyId: KEY_ID },
  'service.status': {},
  'service.reload': {},
  'management.key': {},
  'service.ping': {},
};

/** Serves until the test is over; then every connection must close. */
export function testServer(
  options: Partial<Omit<ServerOptions, 'handlers'>> & { handlers?: Partial<Handlers> } = {},
): KmsServer {
  const server = serve({
    tokens: TOKENS,
    version: '1.2.3',
    onError: () => undefined,
    ...options,
    handlers: { ...HANDLERS, ...options.handlers },
  });
  onTestFinished(() => server.stop());
  return server;
}

/** A far side that sends what it is told, byte for byte, and keeps the lines that come back. */
export interface RawPeer {
  readonly stream: Duplex;
  send: (...lines: string[]) => void;
  /** The next line; undefined when the connection has ended. */
  next: () => Promise<string | undefined>;
  /** The lines up to the end of the connection. */
  rest: () => Promise<string[]>;
}

async function* linesOf(stream: Duplex): AsyncGenerator<string, undefined, undefined> {
  let text = '';
  stream.setEncoding('utf8');
  try {
    for await (const chunk of stream) {
      const lines = `${text}${String(chunk)}`.split('\n');
      text = lines.pop() ?? '';
      yield* lines;
    }
  } catch {
    // A connection that breaks has ended all the same.
  }
  return undefined;
}

/** Wraps a connection; it is closed when the test is over. */
export function rawPeer(stream: Duplex): RawPeer {
  stream.on('error', () => undefined);
  const lines = linesOf(stream);
  onTestFinished(() => void stream.destroy());
  const next = async () => {
    const { done, value } = await lines.next();
    return done ? undefined : value;
  };
  return {
    stream,
    send: (...sent) => void stream.write(sent.map((line) => `${line}\n`).join('')),
    next,
    rest: async () => {
      const all = [];
      for (let line; (line = await next()) !== undefined;) all.push(line);
      return all;
    },
  };
}

/** A line that asks for something. */
export function request(id: unknown, method: string, params?: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method, params });
}

/** The line that opens a session. */
export function helloLine(role: Role, leases: unknown[] = []): string {
  const params = { protocol: 1, role, token: TOKENS[role].reveal(), leases };
  return request('hello', 'session.hello', params);
}

/** A connection in memory whose session is open. */
export async function openPeer(server: KmsServer, role: Role): Promise<RawPeer> {
  const peer = rawPeer(await connectInMemory(server));
  peer.send(helloLine(role));
  await peer.next();
  return peer;
}

/** A folder for this test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kms-protocol-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}
