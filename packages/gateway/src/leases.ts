import { setTimeout as sleep } from 'node:timers/promises';
import { KmsError, type KmsClient } from '@openrouter-proxy/kms-protocol';
import type { Api, HeldLease, Lease, Outcome } from '@openrouter-proxy/kms-protocol';
import type { Logger } from '@openrouter-proxy/runtime';
import { GatewayError } from './gateway-error.ts';

/** How long a request waits for a key service that is being restarted. */
const RESTART_PATIENCE_MS = 2_500;
/** How long one call may take on a connection that stands. */
const CALL_TIMEOUT_MS = 1_000;
const REPEAT_AFTER_MS = 100;
/** How long a report is kept for a key service that does not answer. */
const REPORT_PATIENCE_MS = 30_000;
const MAX_WAITING_REPORTS = 10_000;

/** What a lease is wanted for. */
export interface LeaseRequest {
  requestId: string;
  model: string | null;
  api: Api;
  client: string | null;
  /** Key ids this request has tried. */
  exclude: string[];
}

/** The gateway's side of leasing: takes leases from the key service and reports on each exactly once. */
export class Leases {
  readonly #client: KmsClient;
  readonly #logger: Logger;
  readonly #held: Map<string, HeldLease>;
  #waitingReports = 0;

  /** `held` is what the client names to the key service when it connects again. */
  constructor(client: KmsClient, held: Map<string, HeldLease>, logger: Logger) {
    this.#client = client;
    this.#held = held;
    this.#logger = logger;
  }

  /** Leases in use. */
  get inFlight(): number {
    return this.#held.size;
  }

  /**
   * Borrows a key. Rejects with a GatewayError that is ready for the client: `keys_limited`,
   * `no_usable_key` or `key_service_unavailable`.
   */
  async acquire(request: LeaseRequest, signal: AbortSignal): Promise<Lease> {
    const { client, exclude, ...rest } = request;
    const params = {
      ...rest,
      ...(client === null ? {} : { client }),
      ...(exclude.length === 0 ? {} : { exclude }),
    };
    const giveUpAt = performance.now() + RESTART_PATIENCE_MS;
    for (;;) {
      try {
        const patienceMs = Math.max(1, giveUpAt - performance.now());
        const timeoutMs = this.#client.state === 'ready' ? CALL_TIMEOUT_MS : patienceMs;
        const lease = await this.#client.call('lease.acquire', params, { signal, timeoutMs });
        this.#held.set(lease.leaseId, { leaseId: lease.leaseId, expiresAt: lease.expiresAt });
        return lease;
      } catch (error) {
        const connectionLost = KmsError.is(error, 'UNAVAILABLE') && this.#client.state !== 'ready';
        if (!connectionLost || signal.aborted || performance.now() > giveUpAt) {
          throw leaseRefusal(error);
        }
        await sleep(REPEAT_AFTER_MS);
      }
    }
  }

  /** Resolves when every lease has been reported on, at the latest after `ms` milliseconds. */
  async settled(ms: number): Promise<void> {
    const giveUpAt = performance.now() + ms;
    while (this.#held.size > 0 && performance.now() < giveUpAt) await sleep(10);
  }

  /** Says what came of a lease. Returns at once; the report is repeated until the key service has it. */
  report(lease: Lease, outcome: Outcome): void {
    void this.#deliver(lease.leaseId, outcome);
  }

  async #deliver(leaseId: string, outcome: Outcome): Promise<void> {
    const giveUpAt = performance.now() + REPORT_PATIENCE_MS;
    this.#waitingReports += 1;
    try {
      for (;;) {
        try {
          await this.#client.call('lease.report', { leaseId, outcome });
          return;
        } catch (error) {
          const mayRepeat =
            KmsError.is(error, 'UNAVAILABLE') && this.#waitingReports <= MAX_WAITING_REPORTS;
          if (!mayRepeat || performance.now() > giveUpAt) {
            this.#logger.warning('a lease could not be reported', { outcome: outcome.kind, error });
            return;
          }
          await sleep(REPEAT_AFTER_MS);
        }
      }
    } finally {
      this.#waitingReports -= 1;
      this.#held.delete(leaseId);
    }
  }
}

const NO_KEY_MESSAGES = {
  cooling: 'Every key is limited at the moment.',
  busy: 'Every usable key is at its limit of simultaneous requests.',
  exhausted: 'Every usable key was tried and refused this request.',
  disabled: 'No key is in service: all are disabled. See `kms keys`.',
  no_keys: 'No key is configured.',
} as const;

/** What a client is told when there is no lease. */
function leaseRefusal(error: unknown): GatewayError {
  if (KmsError.is(error, 'NO_KEY_AVAILABLE')) {
    const { reason, retryAfterMs } = error.data;
    const helpsToWait = retryAfterMs !== null;
    const advice = helpsToWait ? ` Try again in ${Math.ceil(retryAfterMs / 1000)} s.` : '';
    return new GatewayError(
      helpsToWait ? 'keys_limited' : 'no_usable_key',
      NO_KEY_MESSAGES[reason] + advice,
      { cause: error, ...(helpsToWait ? { retryAfterMs } : {}) },
    );
  }
  return new GatewayError(
    'key_service_unavailable',
    'The key service does not answer; it is being restarted. Try again shortly.',
    { cause: error, retryAfterMs: 1_000 },
  );
}
