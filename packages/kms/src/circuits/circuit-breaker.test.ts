import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  admissionOf,
  afterFailure,
  afterSuccess,
  CLOSED,
  evidenceOf,
  FORGOTTEN_MS,
  KEY_CHECK,
  PROBE_MS,
  settled,
  WINDOW_MS,
  withoutProbe,
  withProbe,
  type Circuit,
} from './circuit-breaker.ts';

const T = Date.UTC(2026, 9, 2);
const BACK_OFF_MS = 1_000;

/** The circuit after a request has failed. */
function fail(
  circuit: Circuit,
  client: string,
  id: string,
  at: number,
  { severalActive = false, startedAt = at, said = 0 } = {},
): Circuit {
  const until = said === 0 ? null : ({ until: said, source: 'header' } as const);
  const failure = { id, client, startedAt, at, reason: 'connection_failed', said: until };
  return afterFailure(circuit, failure, {
    severalActive,
    backOffUntil: (level) => at + BACK_OFF_MS * 2 ** (level - 1),
  });
}

const several = { severalActive: true };

/** A circuit that opened for these clients, each with requests of its own. */
function openFor(...clients: string[]): Circuit {
  const failing = [...clients, ...clients, ...clients].slice(0, Math.max(3, clients.length));
  return failing.reduce<Circuit>(
    (circuit, client, index) =>
      fail(circuit, client, `r${index}`, T, { severalActive: clients.length > 1 }),
    CLOSED,
  );
}

describe('a closed circuit', () => {
  it('opens when three requests have failed', () => {
    let circuit = fail(fail(CLOSED, 'a', '1', T), 'a', '2', T + 1);
    expect(circuit.kind).toBe('closed');
    circuit = fail(circuit, 'a', '3', T + 2);
    expect(circuit).toMatchObject({ kind: 'open', until: T + 2 + BACK_OFF_MS, level: 1 });
    expect(evidenceOf(circuit)).toEqual({ requests: 3, clients: 1 });
  });

  it('stays closed when one request fails however often', () => {
    let circuit: Circuit = CLOSED;
    for (let n = 0; n < 100; n += 1) circuit = fail(circuit, 'a', 'same', T + n);
    expect(circuit.kind).toBe('closed');
  });

  it('stays closed when one of several active clients fails however often', () => {
    let circuit: Circuit = CLOSED;
    for (let n = 0; n < 100; n += 1) circuit = fail(circuit, 'a', `${n}`, T + n, several);
    expect(circuit.kind).toBe('closed');
    expect(fail(circuit, 'b', 'x', T + 100, several).kind).toBe('open');
  });

  it('stays closed when the failures are further apart than the window', () => {
    let circuit: Circuit = CLOSED;
    for (let n = 0; n < 100; n += 1) circuit = fail(circuit, 'a', `${n}`, T + (n * WINDOW_MS) / 2);
    expect(circuit.kind).toBe('closed');
  });

  it('stays closed within five seconds of a success, unless a key check has failed since', () => {
    let circuit: Circuit = afterSuccess(T);
    for (let n = 0; n < 10; n += 1) circuit = fail(circuit, n % 2 ? 'a' : 'b', `${n}`, T + 4_999);
    expect(circuit.kind).toBe('closed');
    expect(fail(circuit, 'a', 'last', T + 5_000).kind).toBe('open');
    expect(fail(circuit, KEY_CHECK, 'check', T + 4_999, several).kind).toBe('open');
  });

  it('opens for as long as the first of the upstream’s words says', () => {
    let circuit = fail(CLOSED, 'a', '1', T, { said: T + 90_000 });
    circuit = fail(circuit, 'a', '2', T, { said: T + 60_000 });
    expect(fail(circuit, 'a', '3', T)).toMatchObject({ kind: 'open', until: T + 60_000 });
  });
});

describe('an open circuit', () => {
  it('holds every client back until its end', () => {
    const circuit = openFor('a', 'b');
    expect(admissionOf(circuit, 'a', T + 999)).toEqual({ kind: 'held', forMs: 1 });
    expect(admissionOf(circuit, 'c', T)).toEqual({ kind: 'held', forMs: 1_000 });
    expect(admissionOf(circuit, 'c', T + 1_000).kind).toBe('probe');
  });

  it('admits the others when it opened for one client alone, until one of them fails too', () => {
    const circuit = openFor('a');
    expect(admissionOf(circuit, 'a', T).kind).toBe('held');
    expect(admissionOf(circuit, 'b', T).kind).toBe('admitted');
    expect(admissionOf(fail(circuit, 'b', 'x', T), 'c', T).kind).toBe('held');
  });

  it('closes by a success of anybody', () => {
    expect(admissionOf(afterSuccess(T), 'a', T).kind).toBe('admitted');
  });
});

describe('a half-open circuit', () => {
  const halfOpen = settled(openFor('a', 'b'), T + 1_000);

  it('admits one probe of each client, and has its other requests wait for the result', () => {
    const circuit = withProbe(halfOpen, 'a', T + 1_000);
    expect(admissionOf(circuit, 'a', T + 1_500)).toEqual({ kind: 'held', forMs: PROBE_MS - 500 });
    expect(admissionOf(circuit, 'b', T + 1_500).kind).toBe('probe');
  });

  it('admits everybody when a probe has not failed within two seconds', () => {
    const circuit = withProbe(halfOpen, 'a', T + 1_000);
    expect(admissionOf(circuit, 'a', T + 1_000 + PROBE_MS).kind).toBe('admitted');
  });

  it('opens again for longer when its probes fail', () => {
    const probing = withProbe(withProbe(halfOpen, 'a', T + 1_000), 'b', T + 1_000);
    const first = fail(probing, 'a', 'p1', T + 1_100, several);
    expect(first.kind).toBe('half-open');
    const second = fail(first, 'b', 'p2', T + 1_200, several);
    expect(second).toMatchObject({ kind: 'open', level: 2, until: T + 3_200 });
  });

  it('does not open again for requests that were under way before', () => {
    const circuit = fail(halfOpen, 'a', 'late', T + 1_100, { startedAt: T });
    expect(circuit.kind).toBe('half-open');
  });

  it('admits another probe when the first was not sent', () => {
    const probing = withProbe(halfOpen, 'a', T + 1_000);
    expect(admissionOf(withoutProbe(probing, 'a', T + 1_001), 'a', T + 1_001).kind).toBe('probe');
  });

  it('is closed when nobody has asked for ten minutes', () => {
    expect(settled(halfOpen, T + 1_000 + FORGOTTEN_MS).kind).toBe('closed');
  });
});

describe('whatever happens', () => {
  const CLIENTS = ['poison', 'b', 'c'] as const;
  const event = fc.record({
    afterMs: fc.integer({ min: -2_000, max: 4_000 }),
    what: fc.oneof(
      { weight: 6, arbitrary: fc.constant('fail' as const) },
      { weight: 1, arbitrary: fc.constant('succeed' as const) },
      { weight: 3, arbitrary: fc.constant('ask' as const) },
    ),
    client: fc.constantFrom(...CLIENTS),
    id: fc.nat(20).map(String),
    severalActive: fc.boolean(),
    said: fc.option(fc.integer({ min: 1, max: 60_000 }), { nil: 0 }),
  });
  const events = fc.array(event, { maxLength: 120 });

  /** Plays events, and gives the circuit before and after each. */
  function* play(story: readonly (typeof event extends fc.Arbitrary<infer E> ? E : never)[]) {
    let [circuit, now] = [CLOSED, T];
    for (const each of story) {
      now += each.afterMs;
      const before = settled(circuit, now);
      const { client, id, severalActive, said } = each;
      if (each.what === 'fail') {
        circuit = fail(before, client, id, now, { severalActive, said: said && now + said });
      } else if (each.what === 'succeed') circuit = afterSuccess(now);
      else if (admissionOf(before, client, now).kind === 'probe') {
        circuit = withProbe(before, client, now);
      }
      yield { each, before, after: circuit, now };
    }
  }

  it('nobody is held for longer than the circuit is open, or a probe takes', () => {
    fc.assert(
      fc.property(events, (story) => {
        for (const { after, now } of play(story)) {
          for (const client of CLIENTS) {
            const admission = admissionOf(after, client, now);
            if (admission.kind !== 'held') continue;
            const longest = after.kind === 'open' ? after.until - after.since : PROBE_MS;
            expect(admission.forMs).toBeGreaterThan(0);
            expect(admission.forMs).toBeLessThanOrEqual(longest);
          }
        }
      }),
    );
  });

  it('it opens for three requests, of two clients where several are active', () => {
    fc.assert(
      fc.property(events, (story) => {
        for (const { each, before, after } of play(story)) {
          if (before.kind !== 'closed' || after.kind !== 'open') continue;
          expect(evidenceOf(after).requests).toBeGreaterThanOrEqual(3);
          expect(evidenceOf(after).clients).toBeGreaterThanOrEqual(each.severalActive ? 2 : 1);
        }
      }),
    );
  });

  it('a success closes it', () => {
    fc.assert(
      fc.property(events, (story) => {
        for (const { each, after, now } of play(story)) {
          if (each.what !== 'succeed') continue;
          expect(CLIENTS.map((client) => admissionOf(after, client, now).kind)).toEqual(
            CLIENTS.map(() => 'admitted'),
          );
        }
      }),
    );
  });

  it('the failures of one client, however many, hold no other back', () => {
    fc.assert(
      fc.property(events, (story) => {
        const ofOne = story.map((each) => ({ ...each, client: 'poison' as const }));
        for (const { after, now } of play(ofOne)) {
          expect(admissionOf(after, 'b', now).kind).toBe('admitted');
        }
      }),
    );
  });

  it('its memory is bounded', () => {
    let circuit: Circuit = CLOSED;
    for (let n = 0; n < 10_000; n += 1) {
      circuit = fail(circuit, `client ${n % 100}`, `${n}`, T + n, several);
      expect(circuit.failed.length).toBeLessThanOrEqual(64);
    }
  });
});
