import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
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
  leases: number;
  /** What is said when every key is excluded. */
  noKey: NoKeyData;
  stop(): Promise<void>;
}

const keyIdOf = (index: number) => index.toString(16).padStart(12, '0');

/** Starts it on a socket in a folder of its own. */
export async function startKeyService(secrets: string[]): Promise<KeyService> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kms-'));
  const token = new Secret('gateway-token-of-the-test');
  let turn = 0;
  const service: KeyService = {
    socket: path.join(folder, 'run', 'kms.sock'),
    token,
    secrets,
    reports: [],
    leases: 0,
    noKey: { reason: 'cooling', retryAfterMs: 7_000 },
    async stop() {
      listener.close();
      await server.stop();
      await rm(folder, { recursive: true });
    },
  };
  const notHere = () => {
    throw new KmsError('METHOD_NOT_FOUND', 'not part of this test');
  };
  const handlers: Handlers = {
    'lease.acquire'({ exclude = [] }) {
      const ids = service.secrets.map((_secret, index) => keyIdOf(index));
      const usable = ids.filter((id) => !exclude.includes(id));
      const keyId = usable[turn++ % usable.length];
      if (keyId === undefined) {
        throw new KmsError('NO_KEY_AVAILABLE', 'no key', { data: service.noKey });
      }
      service.leases += 1;
      const leaseId = `${keyId}.1.${String(service.leases).padStart(22, '0')}`;
      const secret = service.secrets[ids.indexOf(keyId)] ?? '';
      return { leaseId, keyId, keyName: `key-${ids.indexOf(keyId) + 1}`, secret, expiresAt: Date.now() + 60_000 };
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
  const server = serve({
    handlers,
    tokens: { gateway: token, operator: new Secret('operator-token-of-the-test') },
    version: 'test',
    onError: (error) => {
      throw error;
    },
  });
  const listener = await listenOnUnixSocket(service.socket, server.accept, (error) => {
    throw error;
  });
  return service;
}
