import { setTimeout as sleep } from 'node:timers/promises';
import {
  faultInShort,
  KmsError,
  type KmsClient,
  type KmsClientOptions,
} from '@openrouter-proxy/kms-protocol';
import type {
  Api,
  HeldLease,
  Lease,
  NoKeyData,
  Outcome,
  Params,
  Usage,
} from '@openrouter-proxy/kms-protocol';
import type { Logger } from '@openrouter-proxy/runtime';
import { GatewayError, type GatewayErrorCode } from '../errors/gateway-error.ts';

/** How long a request waits for a key service that is being restarted. */
const RESTART_PATIENCE_MS = 5_000;
/** How long one call may take while the connection is up. */
const CALL_TIMEOUT_MS = 1_000;
const REPEAT_AFTER_MS = 100;
/** How long a request waits for the result of a probe of the upstream or the model. */
const PROBE_WAIT_MS = 2_500;
/** How long a report is kept for a key service that does not answer. */
const REPORT_PATIENCE_MS = 30_000;
const MAX_WAITING_REPORTS = 10_000;

/** A request for a lease. */
export interface LeaseRequest {
  requestId: string;
  /** The gateway's name for the request. No other request has it. */
  internalId: string;
  model: string | null;
  api: Api;
  client: string | null;
  /** Ids of the keys that this request was refused under. */
  exclude: readonly string[];
  /** Of these, the keys whose whole accounts are excluded. */
  excludeAccountsOf: readonly string[];
  /** The conversation that the request belongs to; null: unknown. */
  affinity: string | null;
  /** The only account that can serve it; null: any account can. */
  account: string | null;
  /** How long the request may wait for a key, in milliseconds. */
  waitMs: number;
  /** How long the request may wait for anything, in milliseconds. */
  patienceMs: number;
}

/** The result of asking for a lease. */
export type Acquired =
  | { kind: 'lease'; lease: Lease }
  /** No key is available. `error` is ready for the client. */
  | { kind: 'none'; reason: NoKeyData['reason']; retryAfterMs: number | null; error: GatewayError }
  /** The key service does not answer. */
  | { kind: 'unavailable'; error: GatewayError }
  /** The request was cancelled. */
  | { kind: 'cancelled' };

/** The use of a lease. */
export interface LeaseUse {
  /** What the answer used. Null: unknown; left out: nothing, or it is not counted. */
  usage?: Usage | null | undefined;
  /** Nothing reached OpenRouter. */
  isUnsent?: boolean;
}

/** The gateway's side of leasing: takes leases from the key service and reports on each exactly once. */
export class Leases {
  /** The connection to the key service. */
  readonly kms: KmsClient;
  readonly #logger: Logger;
  readonly #held = new Map<string, HeldLease>();
  #waitingReports = 0;

  /** `connect` makes the client, which tells the key service of the leases whenever it connects again. */
  constructor(
    connect: (hooks: Pick<KmsClientOptions, 'activeLeases' | 'onLateResult'>) => KmsClient,
    logger: Logger,
  ) {
    this.#logger = logger;
    this.kms = connect({
      activeLeases: () => [...this.#held.values()],
      onLateResult: (late) => {
        if (late.method === 'lease.acquire') this.report(late.result, { kind: 'unused' });
      },
    });
  }

  /** Leases in use. */
  get inFlight(): number {
    return this.#held.size;
  }

  /** Leases a key. */
  async acquire(request: LeaseRequest, signal: AbortSignal): Promise<Acquired> {
    const params = acquireParams(request);
    const giveUpAt = performance.now() + RESTART_PATIENCE_MS;
    for (;;) {
      try {
        const patienceMs = Math.max(1, giveUpAt - performance.now());
        const answerMs = this.kms.state === 'ready' ? CALL_TIMEOUT_MS : patienceMs;
        const timeoutMs = answerMs + Math.max(request.waitMs, params.probeWaitMs);
        const lease = await this.kms.call('lease.acquire', params, { signal, timeoutMs });
        this.#held.set(lease.leaseId, { leaseId: lease.leaseId, expiresAt: lease.expiresAt });
        return { kind: 'lease', lease };
      } catch (error) {
        if (signal.aborted) {
          this.#cancelWait(request.internalId);
          return { kind: 'cancelled' };
        }
        if (KmsError.is(error, 'NO_KEY_AVAILABLE')) return noLease(error);
        const connectionLost = KmsError.is(error, 'UNAVAILABLE') && this.kms.state !== 'ready';
        if (!connectionLost || performance.now() > giveUpAt) return unavailable(error);
        await sleep(REPEAT_AFTER_MS);
      }
    }
  }

  /** The key for the administration of accounts; null: there is none, or the key service does not answer. */
  async managementKey(): Promise<string | null> {
    try {
      return (await this.kms.call('management.key', {})).secret;
    } catch (error) {
      this.#logger.warning('the management key could not be read', { error });
      return null;
    }
  }

  /** Confirms a half-open key: OpenRouter has taken the probe request of this lease. */
  confirm({ leaseId }: Lease): void {
    // If the message is lost, the report confirms the key.
    this.kms.call('lease.confirm', { leaseId }).catch(() => undefined);
  }

  #cancelWait(internalId: string): void {
    // If the message is lost, the wait ends by itself, and its lease is reported as unused.
    this.kms.call('lease.cancel', { internalId }).catch(() => undefined);
  }

  /** Resolves when every lease has been reported on, at the latest after `ms` milliseconds. */
  async settled(ms: number): Promise<void> {
    const giveUpAt = performance.now() + ms;
    while (this.#held.size > 0 && performance.now() < giveUpAt) await sleep(10);
  }

  /** Reports how a lease ended. Returns at once; the report is repeated until the key service has it. */
  report(lease: Lease, outcome: Outcome, { usage, isUnsent = false }: LeaseUse = {}): void {
    const { leaseId, keyName } = lease;
    const report = {
      leaseId,
      outcome,
      ...(usage === undefined ? {} : { usage }),
      ...(isUnsent ? { isUnsent } : {}),
    };
    void this.#deliver(report, keyName);
  }

  /** Sends a report until the key service has it. A refused report is sent again with less in it: see `reportsOf`. */
  async #deliver(report: Params<'lease.report'>, keyName: string): Promise<void> {
    this.#waitingReports += 1;
    try {
      for (const params of reportsOf(report)) {
        const failure = await this.#sendReport(params);
        if (failure === undefined) return;
        const fields = { key: keyName, outcome: report.outcome.kind, error: failure };
        this.#logger.warning('a lease could not be reported', fields);
        if (!KmsError.is(failure, 'INVALID_PARAMS')) return;
      }
    } finally {
      this.#waitingReports -= 1;
      this.#held.delete(report.leaseId);
    }
  }

  /** Repeats a report while the key service does not answer. Gives the failure that ends it; undefined: it was taken. */
  async #sendReport(report: Params<'lease.report'>): Promise<unknown> {
    const giveUpAt = performance.now() + REPORT_PATIENCE_MS;
    for (;;) {
      try {
        await this.kms.call('lease.report', report);
        return undefined;
      } catch (error) {
        const mayRepeat =
          KmsError.is(error, 'UNAVAILABLE') && this.#waitingReports <= MAX_WAITING_REPORTS;
        if (!mayRepeat || performance.now() > giveUpAt) return error;
        await sleep(REPEAT_AFTER_MS);
      }
    }
  }
}

/** A report and its fallbacks: without usage, then with an outcome that says nothing about the key. */
function reportsOf(report: Params<'lease.report'>): Params<'lease.report'>[] {
  const { leaseId, outcome } = report;
  const withoutUsage = { leaseId, outcome, usage: null };
  return [report, withoutUsage, { leaseId, outcome: { kind: 'client_abort' } }];
}

function acquireParams(request: LeaseRequest) {
  const { client, exclude, excludeAccountsOf, affinity, account, waitMs, patienceMs, ...rest } =
    request;
  return {
    ...rest,
    probeWaitMs: Math.floor(Math.max(0, Math.min(PROBE_WAIT_MS, patienceMs))),
    ...(client === null ? {} : { client }),
    ...(exclude.length === 0 ? {} : { exclude: [...exclude] }),
    ...(excludeAccountsOf.length === 0 ? {} : { excludeAccountsOf: [...excludeAccountsOf] }),
    ...(affinity === null ? {} : { affinity }),
    ...(account === null ? {} : { account }),
    ...(waitMs === 0 ? {} : { waitMs }),
  };
}

/**
 * 429 for a limit that ends by itself, so that clients come back afterwards; 503 if the gateway or
 * OpenRouter cannot serve, or only an operator can help (RFC 6585, section 4; RFC 9110,
 * section 15.6.4).
 */
const REFUSALS: Readonly<Record<NoKeyData['reason'], [GatewayErrorCode, message: string]>> = {
  cooling: ['keys_limited', 'Every key is limited at the moment.'],
  busy: ['keys_limited', 'Every usable key is at its limit of simultaneous requests.'],
  model_limited: ['model_limited', 'OpenRouter has no room for this model at the moment.'],
  queue_full: ['keys_limited', 'Too many requests are waiting for a key.'],
  upstream_blocked: ['upstream_blocked', 'OpenRouter cannot be reached, or blocks this address.'],
  keys_refused: [
    'no_usable_key',
    'OpenRouter refuses every key of this gateway (401). Its operator has to configure keys that OpenRouter accepts; `kms keys` says which it refuses.',
  ],
  state_unavailable: ['key_service_unavailable', 'The state of the keys cannot be reached.'],
  account_absent: [
    'no_usable_key',
    'The OpenRouter account that must serve this request has no key at this gateway any more.',
  ],
  exhausted: ['no_usable_key', 'Every usable key was tried and refused this request.'],
  disabled: ['no_usable_key', 'No key is in service: all are disabled. See `kms keys`.'],
  no_keys: ['no_usable_key', 'No key is configured.'],
};

/** The message if every key is limited for the same reason. */
const LIMITED_BECAUSE: Readonly<Record<string, string>> = {
  credits_exhausted: 'The credits of every OpenRouter account of this gateway are spent.',
  budget_exhausted: 'The budget of every OpenRouter account of this gateway is spent.',
  key_limit_reached: 'Every OpenRouter key of this gateway has reached its spending limit.',
  free_tier_exhausted: 'The free requests of every OpenRouter account of this gateway are used up.',
  free_requests_used: 'The free requests of every OpenRouter account of this gateway are used up.',
};

/** The error for a client when there is no key. */
function noLease(cause: KmsError<'NO_KEY_AVAILABLE'>): Acquired {
  const { reason, retryAfterMs, upstream, because = '' } = cause.data;
  const [code, words] = REFUSALS[reason];
  const general = LIMITED_BECAUSE[because] ?? words;
  const fault = upstream === undefined ? null : faultInShort([upstream]);
  const message = fault === null ? general : `${fault}.`;
  const error = new GatewayError(code, message, {
    cause,
    ...(retryAfterMs === null ? {} : { retryAfterMs }),
  });
  return { kind: 'none', reason, retryAfterMs, error };
}

function unavailable(cause: unknown): Acquired {
  const message = 'The key service does not answer; it is being restarted.';
  const options = { cause, retryAfterMs: 1_000 };
  return {
    kind: 'unavailable',
    error: new GatewayError('key_service_unavailable', message, options),
  };
}
