import type { FaultRule } from '@openrouter-proxy/fake-openrouter';

const JSON_TYPE = { 'content-type': 'application/json' };

/** A key's own spending limit, over in a while. */
const keyLimit = (seconds: number): FaultRule['fault'] => ({
  kind: 'answer',
  status: 403,
  headers: { ...JSON_TYPE, 'retry-after': String(seconds) },
  body: '{"error":{"code":403,"message":"Key limit exceeded (daily limit)"}}',
});

/** Something that goes wrong once every so many requests that it can hit. */
interface Trouble extends FaultRule {
  readonly after: number;
  readonly every: number;
}

const INFERENCE = { method: 'POST' };
const of = (key: string) => ({ ...INFERENCE, key });

const TROUBLES: readonly Trouble[] = [
  // Says: come back in five seconds.
  {
    match: of('key-2'),
    fault: { kind: 'refuse', family: 'in_flight_budget' },
    after: 2,
    every: 16,
  },
  { match: of('key-3'), fault: keyLimit(45), after: 9, every: 20 },
  { match: of('key-4'), fault: keyLimit(30), after: 22, every: 30 },
  { match: of('key-5'), fault: keyLimit(20), after: 4, every: 25 },
  { match: INFERENCE, fault: { kind: 'refuse', family: 'overloaded' }, after: 24, every: 60 },
  { match: INFERENCE, fault: { kind: 'reset', when: 'after-headers' }, after: 45, every: 90 },
  { match: INFERENCE, fault: { kind: 'end', when: { events: 3 } }, after: 70, every: 110 },
];
/** For how many rounds the demo has trouble. */
const ROUNDS = 50;

/** What goes wrong in the demo. */
export function troubles(): FaultRule[] {
  return TROUBLES.flatMap(({ match = {}, fault, after, every }) =>
    Array.from({ length: ROUNDS }, (_, round) => {
      return { match, fault, after: after + round * every, times: 1 };
    }),
  );
}
