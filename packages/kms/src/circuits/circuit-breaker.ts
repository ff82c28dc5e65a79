import { MINUTE_MS } from '@openrouter-proxy/runtime';
import type { CooldownEnd } from '../limits/cooldown.ts';

/*
 * A circuit breaker (Nygard, "Release It!") for whatever many requests share: OpenRouter itself, or a
 * model. One request that fails however often says something about that request; only several independent
 * requests say something about what they share.
 */

/** Different requests that must have failed before a circuit opens. */
const REQUESTS = 3;
/** Clients that they must be of, where several clients are active. */
const CLIENTS = 2;
/** Failures and clients of this time count. */
export const WINDOW_MS = 30_000;
/** A success as recent says that nothing is wrong in general, unless a key check has failed since. */
const SERVED_MS = 5_000;
/** How long the result of a probe is waited for before further requests are admitted. */
export const PROBE_MS = 2_000;
/** Probes at once, one of each client. */
const MAX_PROBES = 4;
/** A circuit that nobody has asked about for as long is closed. */
export const FORGOTTEN_MS = 10 * MINUTE_MS;
/** Failed requests that are remembered: in all, and of one client. */
const MAX_FAILED = 64;
const MAX_FAILED_OF_CLIENT = 8;

/** Stands for the client where the gateway itself asked: a key check is independent of every client. */
export const KEY_CHECK = '(key check)';

/** A request that failed. Its attempts count as one. */
export interface FailedRequest {
  readonly id: string;
  readonly client: string;
  /** When the failed attempt began, and when it failed. */
  readonly startedAt: number;
  readonly at: number;
  readonly reason: string;
  /** Until when the upstream says it lasts; null: it does not say. */
  readonly said: CooldownEnd | null;
}

/** The state of a circuit. */
export type Circuit =
  | {
      readonly kind: 'closed';
      /** Failures since the last success. */
      readonly failed: readonly FailedRequest[];
      /** When a request was served last; null: not known. */
      readonly servedAt: number | null;
    }
  | {
      readonly kind: 'open';
      readonly since: number;
      readonly until: number;
      /** How often it has opened in a row. */
      readonly level: number;
      /** The requests that it opened for, and those that failed since. */
      readonly failed: readonly FailedRequest[];
    }
  | {
      readonly kind: 'half-open';
      readonly since: number;
      readonly level: number;
      /** The requests that it opened for. */
      readonly failed: readonly FailedRequest[];
      /** Clients that have a probe under way: a request that finds out whether it can be closed. */
      readonly probes: readonly string[];
      /** When the first of its probes began; null: none has. */
      readonly probedAt: number | null;
      /** Requests that have failed since it is half open. */
      readonly failedAgain: readonly FailedRequest[];
    };

/** A circuit of which nothing is known. */
export const CLOSED: Circuit = { kind: 'closed', failed: [], servedAt: null };

/** What a failure is judged by. */
export interface CircuitContext {
  /** Whether more than one client has been active within the window. */
  readonly severalActive: boolean;
  /** When a circuit that opens for the `level`th time in a row is tried again, where nobody says so. */
  readonly backOffUntil: (level: number) => number;
}

/** Whether a request may pass. */
export type Admission =
  | { readonly kind: 'admitted' }
  /** It may, and finds out for the others. */
  | { readonly kind: 'probe' }
  | { readonly kind: 'held'; readonly forMs: number };

/** Requests and clients behind a circuit's state. */
export interface CircuitEvidence {
  readonly requests: number;
  readonly clients: number;
}

/** How many requests of how many clients have failed. */
export function evidenceOf({ failed }: Pick<Circuit, 'failed'>): CircuitEvidence {
  return { requests: failed.length, clients: clientsOf(failed).size };
}

const clientsOf = (failed: readonly FailedRequest[]) => new Set(failed.map(({ client }) => client));

/** The circuit as it stands at `now`. After the clock was set back it is open for no longer than before. */
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

/** The recent failures with one more; a request and its further attempts are one. */
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

/** Whether failures are of more than one client, where there is more than one. */
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
  // The shortest time that anybody names: the first probe tells the rest.
  const said = failed.flatMap((each) => (each.said === null ? [] : each.said.until));
  const soonest = Math.min(...said.filter((until) => until > now));
  const until = soonest === Infinity ? backOffUntil(level) : soonest;
  return { kind: 'open', since: now, until, level, failed };
}

/** The circuit after a request has failed. */
export function afterFailure(
  before: Circuit,
  failure: FailedRequest,
  surroundings: CircuitContext,
): Circuit {
  const now = failure.at;
  const { severalActive } = surroundings;
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
      return opened(failing.failed, 1, surroundings, now);
    }
    case 'open':
      return { ...circuit, failed: withFailure(circuit.failed, failure) };
    case 'half-open': {
      // Who was under way before tells of the same trouble.
      if (failure.startedAt < circuit.since) return circuit;
      const failedAgain = withFailure(circuit.failedAgain, failure);
      const probes = circuit.probes.filter((client) => client !== failure.client);
      if (!areIndependent(failedAgain, severalActive)) return { ...circuit, probes, failedAgain };
      return opened(failedAgain, circuit.level + 1, surroundings, now);
    }
  }
}

/** The circuit after a request was served, whoever sent it. */
export function afterSuccess(now: number): Circuit {
  return { kind: 'closed', failed: [], servedAt: now };
}

/** Whether all that is known of an open circuit came from one other client: what fails may be that client's alone. */
function concernsOthersOnly(failed: readonly FailedRequest[], client: string): boolean {
  const clients = clientsOf(failed);
  return clients.size === 1 && !clients.has(client);
}

/** Whether a request of a client may pass. */
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

/** The circuit with one more request that finds out for the others. */
export function withProbe(before: Circuit, client: string, now: number): Circuit {
  const circuit = settled(before, now);
  if (circuit.kind !== 'half-open') return circuit;
  return { ...circuit, probes: [...circuit.probes, client], probedAt: circuit.probedAt ?? now };
}

/** The circuit after a probe was not sent after all. */
export function withoutProbe(before: Circuit, client: string, now: number): Circuit {
  const circuit = settled(before, now);
  if (circuit.kind !== 'half-open') return circuit;
  const probes = circuit.probes.filter((probing) => probing !== client);
  return { ...circuit, probes, probedAt: probes.length === 0 ? null : circuit.probedAt };
}
