import type { NoKeyData } from '@openrouter-proxy/kms-protocol';
import type { Circuits } from './circuits.ts';
import type { CircuitSubject } from '../limits/limit.ts';
import { upstreamCause } from '../health/causes.ts';
import type { Contacts } from '../health/contacts.ts';
import { upstreamStatus } from '../health/upstream-status.ts';
import type { LimitRegistry } from '../limits/limit-registry.ts';
import type { Requester } from './requester.ts';
import type { Released } from '../store/state-store.ts';

/** The client of a request that does not name it. */
const UNKNOWN_CLIENT = '(unknown)';
/** Probes whose end nobody has told. */
const MAX_PROBES = 1_000;
const UPSTREAM: CircuitSubject = { scope: 'upstream' };

/** Keys that OpenRouter refuses are put right by a person; waiting does not help. */
export const KEYS_REFUSED: NoKeyData = { reason: 'keys_refused', retryAfterMs: null };

/** Who asks for a key, and for which model. */
interface Asking {
  readonly client: string | null;
  /** Null: not known. */
  readonly model: string | null;
}

const clientOf = ({ client }: Pick<Asking, 'client'>) => client ?? UNKNOWN_CLIENT;

/** The circuits that a request passes. */
function circuitsOf({ model }: Asking): readonly CircuitSubject[] {
  return model === null ? [UPSTREAM] : [UPSTREAM, { scope: 'model', model }];
}

/** Whose request an ended lease was for; a request that is not known counts as its lease. */
export function requesterOf(leaseId: string, lease: Released, now: number): Requester {
  const { id = null, at = now } = lease.request ?? {};
  return { requestId: id ?? leaseId, client: clientOf(lease), startedAt: at };
}

/** What admission goes by. */
export interface CircuitAdmissionDeps {
  readonly circuits: Circuits;
  readonly limits: LimitRegistry;
  readonly contacts: Contacts;
}

/** Admits requests where the circuits they pass are closed, and single ones as probes where they are half open. */
export class CircuitAdmission {
  readonly #deps: CircuitAdmissionDeps;
  /** What leases are probes of, until they are reported on. */
  readonly #probes = new Map<string, readonly CircuitSubject[]>();

  constructor(deps: CircuitAdmissionDeps) {
    this.#deps = deps;
  }

  /** Why a request is not admitted; undefined: it is. */
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

  /** Begins the probes that an admitted request is to be. */
  startProbes(request: Asking, now: number): CircuitSubject[] {
    const { circuits } = this.#deps;
    const client = clientOf(request);
    const probed = circuitsOf(request).filter(
      (subject) => circuits.admission(subject, client, now).kind === 'probe',
    );
    for (const subject of probed) circuits.probe(subject, client, now);
    return probed;
  }

  /** There was no key for these probes. */
  cancelProbes(probed: readonly CircuitSubject[], request: Asking, now: number): void {
    for (const subject of probed) this.#deps.circuits.cancelProbe(subject, clientOf(request), now);
  }

  /** A lease is given to probes. */
  leased(leaseId: string, probed: readonly CircuitSubject[]): void {
    if (probed.length === 0) return;
    this.#probes.set(leaseId, probed);
    if (this.#probes.size <= MAX_PROBES) return;
    const [oldest] = this.#probes.keys();
    if (oldest !== undefined) this.#probes.delete(oldest);
  }

  /** What a lease is a probe of; none, if it is none or has been asked about before. */
  take(leaseId: string): readonly CircuitSubject[] {
    const subjects = this.#probes.get(leaseId) ?? [];
    this.#probes.delete(leaseId);
    return subjects;
  }
}
