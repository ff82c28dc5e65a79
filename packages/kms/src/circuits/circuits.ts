import type { Cause } from '@openrouter-proxy/kms-protocol';
import { ActiveClients } from './active-clients.ts';
import { backOffMs, type BackOff } from '../limits/back-off.ts';
import {
  admissionOf,
  afterFailure,
  afterSuccess,
  CLOSED,
  settled,
  withoutProbe,
  withProbe,
  type Admission,
  type Circuit,
  type FailedRequest,
} from './circuit-breaker.ts';
import { isCircuitSubject, subjectId, type CircuitSubject, type Limit } from '../limits/limit.ts';
import type { LimitRegistry } from '../limits/limit-registry.ts';

/** The most remembered circuits. The least recently used one is forgotten first. */
const MAX_CIRCUITS = 10_000;
/** The most clients that the limit of an open circuit names. */
const MAX_CLIENTS = 16;

/** An open or half-open circuit. */
export interface TrippedCircuit {
  readonly subject: CircuitSubject;
  readonly circuit: Exclude<Circuit, { kind: 'closed' }>;
  readonly cause: Cause;
}

interface Entry {
  readonly subject: CircuitSubject;
  readonly circuit: Circuit;
  /** The cause of its last opening. */
  readonly cause: Cause | null;
}

/**
 * The circuit breakers of OpenRouter, of models, and of accounts that may be in debt. An open
 * circuit has a limit in the limit registry. Lifting that limit closes the circuit, and a limit of
 * another machine opens it.
 */
export class Circuits {
  readonly #limits: LimitRegistry;
  readonly #random: () => number;
  readonly #entries = new Map<string, Entry>();
  readonly #active = new ActiveClients();

  constructor(limits: LimitRegistry, random: () => number) {
    this.#limits = limits;
    this.#random = random;
  }

  /** Notes that a client asks for a key. */
  asked(client: string, now: number): void {
    this.#active.note(client, now);
  }

  /** Whether a client's request is admitted. */
  admission(subject: CircuitSubject, client: string, now: number): Admission {
    return admissionOf(this.#entry(subject, now).circuit, client, now);
  }

  /** Notes that a probe is sent. */
  probe(subject: CircuitSubject, client: string, now: number): void {
    const entry = this.#entry(subject, now);
    this.#keep({ ...entry, circuit: withProbe(entry.circuit, client, now) });
  }

  /** Cancels a probe that got no key. */
  cancelProbe(subject: CircuitSubject, client: string, now: number): void {
    const entry = this.#entry(subject, now);
    this.#keep({ ...entry, circuit: withoutProbe(entry.circuit, client, now) });
  }

  /** Notes a failed request. Returns the limit if the circuit opens. */
  failed(
    subject: CircuitSubject,
    failure: FailedRequest,
    backOff: BackOff,
    detail: string,
  ): Limit | undefined {
    const now = failure.at;
    const entry = this.#entry(subject, now);
    const circuit = afterFailure(entry.circuit, failure, {
      severalActive: this.#active.areSeveral(now),
      backOffUntil: (level) => now + backOffMs(backOff, level, this.#random),
    });
    if (circuit.kind !== 'open' || entry.circuit.kind === 'open') {
      this.#keep({ ...entry, circuit });
      return undefined;
    }
    const said = circuit.failed.find((each) => each.said?.until === circuit.until)?.said;
    const cause: Cause = { reason: failure.reason, detail, source: said?.source ?? 'back-off' };
    this.#keep({ subject, circuit, cause });
    const clients = [...new Set(circuit.failed.map(({ client }) => client))].slice(0, MAX_CLIENTS);
    const { since, until, level } = circuit;
    const evidence = { requests: circuit.failed.length, clients };
    return this.#limits.open({ subject, since, until, level, cause, evidence }, now);
  }

  /** Notes a success, which closes the circuit. Returns whether it was open or half-open. */
  served(subject: CircuitSubject, now: number): boolean {
    const wasTripped = this.#entry(subject, now).circuit.kind !== 'closed';
    if (wasTripped) this.#limits.lift(subject, now);
    this.#keep({ subject, circuit: afterSuccess(now), cause: null });
    return wasTripped;
  }

  /** Resets a circuit to closed. */
  reset(subject: CircuitSubject): void {
    this.#entries.delete(subjectId(subject));
  }

  /** The state of a circuit. */
  of(subject: CircuitSubject, now: number): Circuit {
    return this.#entry(subject, now).circuit;
  }

  /** Every open or half-open circuit, the last opened first. */
  tripped(now: number): TrippedCircuit[] {
    const kept = [...this.#entries.values()].map(({ subject }) => subject);
    const inForce = this.#limits.all(now).map(({ subject }) => subject);
    const subjects = new Map(
      [...kept, ...inForce.filter(isCircuitSubject)].map((each) => [subjectId(each), each]),
    );
    return [...subjects.values()]
      .flatMap((subject) => {
        const { circuit, cause } = this.#entry(subject, now);
        return circuit.kind === 'closed' || cause === null ? [] : [{ subject, circuit, cause }];
      })
      .toSorted((a, b) => b.circuit.since - a.circuit.since);
  }

  /** The entry of a circuit, synchronized with the limit registry. */
  #entry(subject: CircuitSubject, now: number): Entry {
    const known = this.#entries.get(subjectId(subject));
    const entry = known ?? { subject, circuit: CLOSED, cause: null };
    const limit = this.#limits.on(subject, now);
    if (limit !== undefined && entry.circuit.kind !== 'open') {
      this.#keep(entryOf(limit, subject));
      return entryOf(limit, subject);
    }
    const circuit = settled(entry.circuit, now);
    // Open without a limit: the limit was lifted.
    if (limit === undefined && circuit.kind === 'open') return { ...entry, circuit: CLOSED };
    return { ...entry, circuit };
  }

  #keep(entry: Entry): void {
    const id = subjectId(entry.subject);
    this.#entries.delete(id); // set again, so that the first entry is the least recently used one
    this.#entries.set(id, entry);
    if (this.#entries.size <= MAX_CIRCUITS) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}

/** A circuit that was opened by an earlier process, or by another machine. */
function entryOf({ since, until, level, cause, evidence }: Limit, subject: CircuitSubject): Entry {
  const { requests = 0, clients = [] } = evidence ?? {};
  const failed = Array.from({ length: clients.length === 0 ? 0 : requests }, (_, index) => ({
    ...{ id: String(index), client: clients[index % clients.length] ?? '', startedAt: since },
    ...{ at: since, reason: cause.reason, said: null },
  }));
  return {
    subject,
    cause,
    circuit: { kind: 'open', since, until, level: Math.max(1, level), failed },
  };
}
