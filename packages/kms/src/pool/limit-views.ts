import type { LimitView } from '@openrouter-proxy/kms-protocol';
import { evidenceOf } from '../circuits/circuit-breaker.ts';
import type { TrippedCircuit } from '../circuits/circuits.ts';
import type { Limit, Subject } from '../limits/limit.ts';

/** The view of an open or half-open circuit. */
export function circuitLimitView({ subject, circuit, cause }: TrippedCircuit): LimitView {
  const { kind: state, since } = circuit;
  const until = circuit.kind === 'open' ? circuit.until : since;
  return {
    ...subjectView(subject),
    since,
    until,
    cause,
    circuit: { state, ...evidenceOf(circuit) },
  };
}

/** The view of a limit. */
export function limitView({ subject, since, until, cause, evidence }: Limit): LimitView {
  const view = { ...subjectView(subject), since, until, cause };
  if (evidence === undefined) return view;
  const { requests, clients } = evidence;
  return { ...view, circuit: { state: 'open', requests, clients: clients.length } };
}

/** The subject of a limit, without its key or account. */
export function subjectView(subject: Subject): Pick<LimitView, 'scope' | 'pool' | 'model'> {
  return {
    scope: subject.scope,
    pool: 'pool' in subject ? subject.pool : 'all',
    model: 'model' in subject ? subject.model : null,
  };
}
