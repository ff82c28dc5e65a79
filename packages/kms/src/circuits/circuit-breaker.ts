import { MINUTE_MS } from '@openrouter-proxy/runtime';
import type { CooldownEnd } from '../limits/cooldown.ts';

/*
 * A circuit breaker (Nygard, "Release It!") for OpenRouter, a model, or an account. Repeated
 * failures of one request may be caused by that request. Only failures of several independent
 * requests open a circuit.
 */

/** Different requests that must fail before a circuit opens. */
const REQUESTS = 3;
/** The number of clients they must come from, where several clients are active. */
const CLIENTS = 2;
/** The window in which failures and clients count. */
export const WINDOW_MS = 30_000;
/** A success within this time keeps the circuit closed, unless a key check has failed. */
const SERVED_MS = 5_000;
/** The longest wait for the result of a probe. After that, further requests are admitted. */
export const PROBE_MS = 2_000;
/** The most probes at once, one for each client. */
const MAX_PROBES = 4;
/** A half-open circuit without requests for this long is closed. */
export const FORGOTTEN_MS = 10 * MINUTE_MS;
/** The most remembered failed requests: in total, and of one client. */
const MAX_FAILED = 64;
const MAX_FAILED_OF_CLIENT = 8;

/** The client of a key check, which is independent of every real client. */
export const KEY_CHECK = '(key check)';

/** A failed request. All its attempts count as one. */
export interface FailedRequest {
  readonly id: string;
  readonly client: string;
  /** When the failed attempt began, and when it failed. */
  readonly startedAt: number;
  readonly at: number;
  readonly reason: string;
  /** The stated end; null if there is none. */
  readonly said: CooldownEnd | null;
}

/** The state of a circuit. */
export type Circuit =
  | {
      readonly kind: 'closed';
      /** Failures since the last success. */
      readonly failed: readonly FailedRequest[];
      /** The time of the last success; null if unknown. */
      readonly servedAt: number | null;
    }
  | {
      readonly kind: 'open';
      readonly since: number;
      readonly until: number;
      /** The number of times it has opened in a row. */
      readonly level: number;
      /** The requests that opened it, and those that failed since. */
      readonly failed: readonly FailedRequest[];
    }
  | {
      readonly kind: 'half-open';
      readonly since: number;
      readonly level: number;
      /** The requests that opened it. */
      readonly failed: readonly FailedRequest[];
      /** Clients with a running probe. */
      readonly probes: readonly string[];
      /** The start of the first probe; null if there is none. */
      readonly probedAt: number | null;
      /** Requests that failed while it is half-open. */
      readonly failedAgain: readonly FailedRequest[];
    };

/** The initial state of a circuit. */
export const CLOSED: Circuit = { kind: 'closed', failed: [], servedAt: null };

/** The context in which a failure is judged. */
export interface CircuitContext {
  /** More than one client was active within the window. */
  readonly severalActive: boolean;
  /** The end of the `level`th opening in a row, when the upstream states none. */
  readonly backOffUntil: (level: number) => number;
}

/** Whether a request is admitted. */
export type Admission =
  | { readonly kind: 'admitted' }
  /** Admitted as a probe. */
  | { readonly kind: 'probe' }
  | { readonly kind: 'held'; readonly forMs: number };

/** The number of failed requests and of their clients. */
export interface CircuitEvidence {
  readonly requests: number;
  readonly clients: number;
}

/** Counts failed requests and their clients. */
export function evidenceOf({ failed }: Pick<Circuit, 'failed'>): CircuitEvidence {
  return { requests: failed.length, clients: clientsOf(failed).size };
}

const clientsOf = (failed: readonly FailedRequest[]) => new Set(failed.map(({ client }) => client));

/**
 * The circuit at `now`. After the clock was set back, it is never open for longer than at its
 * start.
 */
export function settled(circuit: Circuit, now: number): Circuit {
  switch (circuit.kind) {
    case 'closed':
      return circuit;
    case 'open': {
      if (circuit.since > now) {
        return { ...circuit, since: now, until: now + circuit.until - circuit.since };
      }
      if (now < circuit.until) return circuit;
      const { until: since, level, failed } = circuit;
      const unprobed = { probes: [], probedAt: null, failedAgain: [] };
      return settled({ kind: 'half-open', since, level, failed, ...unprobed }, now);
    }
    case 'half-open':
      if (circuit.since > now) return { ...circuit, since: now, probes: [], probedAt: null };
      return now - circuit.since < FORGOTTEN_MS ? circuit : CLOSED;
  }
}

/** Adds a failure to the recent ones. All attempts of a request count as one. */
function withFailure(
  failed: readonly FailedRequest[],
  failure: FailedRequest,
): readonly FailedRequest[] {
  const { id, client, at } = failure;
  const recent = failed.filter(
    (each) =>
      each.at <= at && at - each.at < WINDOW_MS && (each.id !== id || each.client !== client),
  );
  const ofClient = recent.filter((each) => each.client === client);
  const oldest = ofClient.length >= MAX_FAILED_OF_CLIENT ? ofClient[0] : undefined;
  return [...recent.filter((each) => each !== oldest), failure].slice(-MAX_FAILED);
}

/** Whether the failures come from enough clients. */
const areIndependent = (failed: readonly FailedRequest[], severalActive: boolean) =>
  clientsOf(failed).size >= (severalActive ? CLIENTS : 1);

function isConfirmed(
  { failed, servedAt }: Extract<Circuit, { kind: 'closed' }>,
  severalActive: boolean,
  now: number,
): boolean {
  if (failed.length < REQUESTS || !areIndependent(failed, severalActive)) return false;
  const isCheckFailing = failed.some(({ client }) => client === KEY_CHECK);
  const isServing = servedAt !== null && servedAt <= now && now - servedAt < SERVED_MS;
  return isCheckFailing || !isServing;
}

function opened(
  failed: readonly FailedRequest[],
  level: number,
  { backOffUntil }: CircuitContext,
  now: number,
): Circuit {
  // The shortest stated time counts: the first probe finds out the rest.
  const said = failed.flatMap((each) => (each.said === null ? [] : each.said.until));
  const soonest = Math.min(...said.filter((until) => until > now));
  const until = soonest === Infinity ? backOffUntil(level) : soonest;
  return { kind: 'open', since: now, until, level, failed };
}

/** The circuit after a failed request. */
export function afterFailure(
  before: Circuit,
  failure: FailedRequest,
  context: CircuitContext,
): Circuit {
  const now = failure.at;
  const { severalActive } = context;
  const circuit = settled(before, now);
  switch (circuit.kind) {
    case 'closed': {
      const { servedAt } = circuit;
      const failing = {
        kind: 'closed',
        failed: withFailure(circuit.failed, failure),
        servedAt,
      } as const;
      if (!isConfirmed(failing, severalActive, now)) return failing;
      return opened(failing.failed, 1, context, now);
    }
    case 'open':
      return { ...circuit, failed: withFailure(circuit.failed, failure) };
    case 'half-open': {
      // A request that was running before reports the same failure.
      if (failure.startedAt < circuit.since) return circuit;
      const failedAgain = withFailure(circuit.failedAgain, failure);
      const probes = circuit.probes.filter((client) => client !== failure.client);
      if (!areIndependent(failedAgain, severalActive)) return { ...circuit, probes, failedAgain };
      return opened(failedAgain, circuit.level + 1, context, now);
    }
  }
}

/** The circuit after a success. */
export function afterSuccess(now: number): Circuit {
  return { kind: 'closed', failed: [], servedAt: now };
}

/** Whether every failure came from one other client: the failures may be that client's alone. */
function concernsOthersOnly(failed: readonly FailedRequest[], client: string): boolean {
  const clients = clientsOf(failed);
  return clients.size === 1 && !clients.has(client);
}

/** Whether a client's request is admitted. */
export function admissionOf(before: Circuit, client: string, now: number): Admission {
  const circuit = settled(before, now);
  if (circuit.kind === 'closed' || concernsOthersOnly(circuit.failed, client)) {
    return { kind: 'admitted' };
  }
  if (circuit.kind === 'open') return { kind: 'held', forMs: circuit.until - now };
  const { probes, probedAt } = circuit;
  const waitedMs = probedAt === null ? 0 : now - probedAt;
  if (waitedMs < 0 || waitedMs >= PROBE_MS) return { kind: 'admitted' };
  const mayProbe = probes.length < MAX_PROBES && !probes.includes(client);
  return mayProbe ? { kind: 'probe' } : { kind: 'held', forMs: PROBE_MS - waitedMs };
}

/** The circuit with one more probe. */
export function withProbe(before: Circuit, client: string, now: number): Circuit {
  const circuit = settled(before, now);
  if (circuit.kind !== 'half-open') return circuit;
  return { ...circuit, probes: [...circuit.probes, client], probedAt: circuit.probedAt ?? now };
}

/** The circuit after a probe was cancelled. */
export function withoutProbe(before: Circuit, client: string, now: number): Circuit {
  const circuit = settled(before, now);
  if (circuit.kind !== 'half-open') return circuit;
  const probes = circuit.probes.filter((probing) => probing !== client);
  return { ...circuit, probes, probedAt: probes.length === 0 ? null : circuit.probedAt };
}
