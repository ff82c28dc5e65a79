import type { NoKeyData } from '@openrouter-proxy/kms-protocol';
import type { Circuits } from './circuits.ts';
import type { CircuitSubject } from '../limits/limit.ts';
import { upstreamCause } from '../health/causes.ts';
import type { Contacts } from '../health/contacts.ts';
import { upstreamStatus } from '../health/upstream-status.ts';
import type { LimitRegistry } from '../limits/limit-registry.ts';
import type { Requester } from './requester.ts';
import type { Released } from '../store/state-store.ts';

/** The client of a request without a client name. */
const UNKNOWN_CLIENT = '(unknown)';
/** The most probes whose result is unknown. */
const MAX_PROBES = 1_000;
const UPSTREAM: CircuitSubject = { scope: 'upstream' };

/** Only a person can replace rejected keys: waiting does not help. */
export const KEYS_REFUSED: NoKeyData = { reason: 'keys_refused', retryAfterMs: null };

/** The client and the model of a request. */
interface Asking {
  readonly client: string | null;
  /** Null if unknown. */
  readonly model: string | null;
}

const clientOf = ({ client }: Pick<Asking, 'client'>) => client ?? UNKNOWN_CLIENT;

/** The circuits that a request passes. */
function circuitsOf({ model }: Asking): readonly CircuitSubject[] {
  return model === null ? [UPSTREAM] : [UPSTREAM, { scope: 'model', model }];
}

/** The requester of an ended lease. A lease without a request id counts as its own request. */
export function requesterOf(leaseId: string, lease: Released, now: number): Requester {
  const { id = null, at = now } = lease.request ?? {};
  return { requestId: id ?? leaseId, client: clientOf(lease), startedAt: at };
}

/** Collaborators of CircuitAdmission. */
export interface CircuitAdmissionDeps {
  readonly circuits: Circuits;
  readonly limits: LimitRegistry;
  readonly contacts: Contacts;
}

/**
 * Admits requests whose circuits are closed, and single requests as probes of half-open circuits.
 */
export class CircuitAdmission {
  readonly #deps: CircuitAdmissionDeps;
  /** The circuits that a lease probes, until its result is reported. */
  readonly #probes = new Map<string, readonly CircuitSubject[]>();

  constructor(deps: CircuitAdmissionDeps) {
    this.#deps = deps;
  }

  /** The refusal of a request; undefined if it is admitted. */
  refusal(request: Asking, now: number): NoKeyData | undefined {
    const { limits, circuits, contacts } = this.#deps;
    const client = clientOf(request);
    circuits.asked(client, now);
    for (const subject of circuitsOf(request)) {
      const admission = circuits.admission(subject, client, now);
      if (admission.kind !== 'held') continue;
      const retryAfterMs = admission.forMs;
      if (subject.scope === 'model') return { reason: 'model_limited', retryAfterMs };
      if (limits.on(subject, now)?.cause.reason === 'unauthorized') return KEYS_REFUSED;
      const cause = upstreamCause(upstreamStatus(contacts, limits, now));
      const upstream = cause === null ? {} : { upstream: cause };
      return { reason: 'upstream_blocked', retryAfterMs, ...upstream };
    }
    return undefined;
  }

  /** Starts the probes of an admitted request. */
  startProbes(request: Asking, now: number): CircuitSubject[] {
    const { circuits } = this.#deps;
    const client = clientOf(request);
    const probed = circuitsOf(request).filter(
      (subject) => circuits.admission(subject, client, now).kind === 'probe',
    );
    for (const subject of probed) circuits.probe(subject, client, now);
    return probed;
  }

  /** Cancels the probes of a request that got no key. */
  cancelProbes(probed: readonly CircuitSubject[], request: Asking, now: number): void {
    for (const subject of probed) this.#deps.circuits.cancelProbe(subject, clientOf(request), now);
  }

  /** Notes the lease of a probe. */
  leased(leaseId: string, probed: readonly CircuitSubject[]): void {
    if (probed.length === 0) return;
    this.#probes.set(leaseId, probed);
    if (this.#probes.size <= MAX_PROBES) return;
    const [oldest] = this.#probes.keys();
    if (oldest !== undefined) this.#probes.delete(oldest);
  }

  /** The circuits that a lease probes. Returns them only once. */
  take(leaseId: string): readonly CircuitSubject[] {
    const subjects = this.#probes.get(leaseId) ?? [];
    this.#probes.delete(leaseId);
    return subjects;
  }
}
