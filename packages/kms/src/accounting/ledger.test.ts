import type { RequestSummary, RequestFilter } from '@openrouter-proxy/kms-protocol';
import { describe, expect, it, test } from 'vitest';
import { Ledger } from './ledger.ts';
import { timelineOf } from './timeline.ts';

const T = Date.UTC(2026, 10, 23, 12);
const INFO = { requestId: 'r1', client: 'laptop', api: 'chat', model: 'a/b' } as const;
const LEASE = { leaseId: 'l1', keyId: '0123456789ab', keyName: 'key-1' };
const CHOICE = { candidates: 2, leftOut: [], leftOutCount: 0, rule: 'round-robin' };
const END: RequestSummary = {
  ...INFO,
  at: T,
  status: 200,
  verdict: 'complete',
  attempts: 1,
  failure: null,
  generationId: 'gen-1',
  queuedMs: 0,
  leasedMs: 1,
  firstContentMs: 20,
  totalMs: 1_234,
  usage: { sent: 10, received: 5, cached: 0, reasoning: 0, cost: 0.25 },
};

test('a request is remembered with its attempts, and how it ended', () => {
  const ledger = new Ledger();
  ledger.chosen(INFO, LEASE, CHOICE, T);
  ledger.ended(
    'l1',
    { kind: 'timeout', detail: 'silent' },
    null,
    ['model a/b: set aside'],
    T + 900,
  );
  ledger.chosen(INFO, { ...LEASE, leaseId: 'l2', keyName: 'key-2' }, CHOICE, T + 900);
  ledger.ended('l2', { kind: 'success', status: 200 }, END.usage ?? undefined, [], T + 1_234);
  expect(ledger.record(END, T + 1_300)).toBe(true);
  const request = ledger.get('r1');
  expect(request).toMatchObject({ ...INFO, at: T, end: END });
  expect(request?.steps).toMatchObject([
    { keyName: 'key-1', outcome: 'timeout', detail: 'silent', usage: null, endedAt: T + 900 },
    { keyName: 'key-2', outcome: 'success', status: 200, usage: END.usage },
  ]);
  expect(request && timelineOf(request)).toEqual([
    'chat for a/b from laptop',
    '1. key-1 (round robin among 2): timed out after 900 ms “silent” → model a/b: set aside',
    '2. key-2 (round robin among 2): answered (200) after 334 ms',
    'The client got 200, complete, after 1.2 s. 10 + 5 tokens, $0.25. OpenRouter calls it gen-1.',
  ]);
});

test('what is said twice is remembered once', () => {
  const ledger = new Ledger();
  expect(ledger.record(END, T)).toBe(true);
  expect(ledger.record(END, T)).toBe(false);
  expect(ledger.recent(10).requests).toHaveLength(1);
});

test('an id that is used again names the later request', () => {
  const ledger = new Ledger();
  ledger.chosen(INFO, LEASE, CHOICE, T);
  ledger.record(END, T);
  ledger.chosen({ ...INFO, model: 'c/d' }, { ...LEASE, leaseId: 'l2' }, CHOICE, T + 5_000);
  expect(ledger.get('r1')).toMatchObject({ model: 'c/d', end: null });
});

test('5,000 requests are remembered, the latest', () => {
  const ledger = new Ledger();
  for (let n = 0; n < 6_000; n += 1) ledger.record({ ...END, requestId: `r${n}` }, T);
  expect(ledger.get('r999')).toBeNull();
  expect(ledger.get('r1000')).not.toBeNull();
  expect(ledger.recent(2).requests.map(({ requestId }) => requestId)).toEqual(['r5999', 'r5998']);
});

test('nothing is remembered for longer than a day', () => {
  const ledger = new Ledger();
  ledger.record(END, T);
  ledger.record({ ...END, requestId: 'r2' }, T + 86_400_000);
  expect(ledger.get('r1')).toBeNull();
});

test('the story of a request that tried a hundred keys is told in ten lines', () => {
  const ledger = new Ledger();
  for (let n = 1; n <= 150; n += 1) {
    ledger.chosen(INFO, { ...LEASE, leaseId: `l${n}`, keyName: `key-${n}` }, CHOICE, T + n);
    ledger.ended(`l${n}`, { kind: 'truncated', detail: '' }, null, [], T + n);
  }
  const request = ledger.get('r1');
  const story = request === null ? [] : timelineOf(request);
  expect(request?.steps).toHaveLength(100);
  expect(story.length).toBeLessThan(10);
  expect(story.join('\n')).toContain('… and 95 further attempts …');
});

test('the story of a refusal says why, and when it may be otherwise', () => {
  const ledger = new Ledger();
  const leftOut = [
    { keyName: 'key-1', why: 'cooling, rate limited', until: T + 60_000 },
    { keyName: 'key-2', why: 'disabled, set by an operator', until: null },
  ];
  const choices = { candidates: 0, leftOut, leftOutCount: 2 };
  ledger.refused(INFO, { reason: 'cooling', retryAfterMs: 60_000 }, choices, T);
  const end = { ...END, status: 429, failure: 'keys_limited', usage: null, generationId: null };
  ledger.record({ ...end, attempts: 0, totalMs: 3 }, T);
  const request = ledger.get('r1');
  expect(request && timelineOf(request).slice(1)).toEqual([
    '1. no key: every key is limited, one may serve in 60 s; could not use key-1 (cooling, rate limited, which ends in 60 s), key-2 (disabled, set by an operator)',
    'The client got 429 (every key is limited), after 3 ms.',
  ]);
});

/** Five requests, each with another ending; the third tried two keys. */
function fiveRequests(): Ledger {
  const ledger = new Ledger();
  const ends: Partial<RequestSummary>[] = [
    { requestId: 'r1' },
    { requestId: 'r2', client: 'phone', status: 429, failure: 'keys_limited' },
    { requestId: 'r3', client: 'phone', status: 502, model: 'c/d:free', generationId: 'gen-3' },
    { requestId: 'r4', client: null, verdict: 'truncated' },
    { requestId: 'r5', verdict: 'client_abort', status: null },
  ];
  for (const [index, end] of ends.entries()) {
    const at = T + index * 1_000;
    const info = { ...INFO, ...end, requestId: end.requestId ?? '' };
    const keys = index === 2 ? ['aaaaaaaaaaaa', 'bbbbbbbbbbbb'] : ['aaaaaaaaaaaa'];
    for (const keyId of keys) {
      ledger.chosen(
        { ...INFO, client: info.client, model: info.model, requestId: info.requestId },
        { leaseId: `${info.requestId} ${keyId}`, keyId, keyName: `team-${keyId.slice(0, 1)}` },
        CHOICE,
        at,
      );
    }
    ledger.record({ ...END, ...end, at }, at);
  }
  ledger.chosen({ ...INFO, requestId: 'r6' }, LEASE, CHOICE, T + 5_000);
  return ledger;
}

test.each([
  ['answered requests', { outcomes: ['answered'] }, ['r1']],
  ['failed ones: 5xx and broken answers', { outcomes: ['failed'] }, ['r4', 'r3']],
  ['failed or refused ones', { outcomes: ['failed', 'refused'] }, ['r4', 'r3', 'r2']],
  ['aborted and running ones', { outcomes: ['aborted', 'running'] }, ['r6', 'r5']],
  ['those of a client', { client: 'phone' }, ['r3', 'r2']],
  ['those of clients without a name', { client: '' }, ['r4']],
  ['those that tried a key, by its id', { key: 'bbbbbbbbbbbb' }, ['r3']],
  ['those that tried a key, by its name', { key: 'team-b' }, ['r3']],
  ['those for a model', { model: 'c/d:free' }, ['r3']],
  ['those for a model without its author', { model: 'd:free' }, ['r3']],
  ['those since an instant', { since: T + 4_000 }, ['r6', 'r5']],
  ['one by the beginning of its id', { id: 'r5' }, ['r5']],
  ['one by its generation', { id: 'gen-3' }, ['r3']],
  ['those that pass every filter', { client: 'phone', outcomes: ['failed'] }, ['r3']],
  ['none, if none passes', { client: 'phone', outcomes: ['answered'] }, []],
] satisfies [string, RequestFilter, string[]][])(
  'a filter finds %s',
  (_title, filter, expected) => {
    const { requests, next } = fiveRequests().recent(100, filter);
    expect(requests.map(({ requestId }) => requestId)).toEqual(expected);
    expect(next).toBeNull();
  },
);

/** Every page of a ledger's requests, as ids. */
function pagesOf(ledger: Ledger, limit: number, filter?: RequestFilter): string[][] {
  const pages: string[][] = [];
  let before: number | undefined;
  for (;;) {
    const { requests, next } = ledger.recent(limit, filter, before);
    pages.push(requests.map(({ requestId }) => requestId));
    if (next === null) return pages;
    before = next;
  }
}

test('pages show every request once, and requests that arrive in between on none', () => {
  const ledger = fiveRequests();
  expect(pagesOf(ledger, 2)).toEqual([
    ['r6', 'r5'],
    ['r4', 'r3'],
    ['r2', 'r1'],
  ]);
  expect(pagesOf(ledger, 2, { outcomes: ['failed', 'refused'] })).toEqual([['r4', 'r3'], ['r2']]);
  const { next } = ledger.recent(4);
  ledger.record({ ...END, requestId: 'r7' }, T + 9_000);
  expect(ledger.recent(4, {}, next ?? undefined).requests).toMatchObject([
    { requestId: 'r2' },
    { requestId: 'r1' },
  ]);
});

test('a page of requests with very long stories ends before it is longer than a line may be', () => {
  const ledger = new Ledger();
  const leftOut = Array.from({ length: 16 }, () => ({
    ...{ keyName: 'k'.repeat(100), why: 'w'.repeat(100), until: T },
  }));
  for (let n = 0; n < 30; n += 1) {
    for (let step = 0; step < 50; step += 1) {
      const lease = { ...LEASE, leaseId: `${n} ${step}` };
      ledger.chosen({ ...INFO, requestId: `r${n}` }, lease, { ...CHOICE, leftOut }, T);
    }
  }
  expect(JSON.stringify(ledger.recent(100)).length).toBeLessThan(1024 * 1024);
  expect(pagesOf(ledger, 100).flat()).toHaveLength(30);
});

test('a request fits in a line with every detail as long as it may be', () => {
  const ledger = new Ledger();
  const leftOut = Array.from({ length: 16 }, () => ({
    ...{ keyName: '鍵'.repeat(64), why: '鍵'.repeat(100), until: T },
  }));
  for (let step = 0; step < 100; step += 1) {
    const lease = { ...LEASE, leaseId: String(step) };
    ledger.chosen(INFO, lease, { ...CHOICE, leftOut, leftOutCount: 16 }, T);
    const followed = Array.from({ length: 8 }, () => '鍵'.repeat(400));
    const outcome = { kind: 'timeout', detail: '鍵'.repeat(300) } as const;
    ledger.ended(lease.leaseId, outcome, null, followed, T);
  }
  const request = ledger.get('r1');
  expect(request?.steps).toHaveLength(100);
  expect(request?.steps[0]?.leftOutCount).toBe(16);
  const answer = { request, story: request === null ? [] : timelineOf(request) };
  for (const view of [answer, ledger.recent(100)]) {
    expect(Buffer.byteLength(JSON.stringify(view))).toBeLessThan(1_000_000);
  }
});

describe('requests of several clients with the same id', () => {
  const ledger = new Ledger();
  const end = (client: string, internalId: string, at: number): RequestSummary => ({
    ...{ ...END, requestId: 'same', internalId, client, at },
  });
  ledger.record(end('alice', 'a1', T), T);
  ledger.record(end('alice', 'a2', T + 1), T + 1);
  ledger.record(end('bob', 'b1', T + 2), T + 2);

  it('are remembered one by one, each under the id that the gateway gave it', () => {
    for (const [id, client] of [
      ['a1', 'alice'],
      ['a2', 'alice'],
      ['b1', 'bob'],
    ] as const) {
      expect(ledger.get(id)).toMatchObject({ requestId: 'same', internalId: id, client });
    }
    expect(ledger.recent(10, { id: 'same' }).requests).toHaveLength(3);
    expect(ledger.recent(10, { id: 'a1' }).requests).toHaveLength(1);
  });

  it('are found by their common id: the latest, which names the latest of each other client', () => {
    const latest = ledger.get('same');
    expect(latest).toMatchObject({ internalId: 'b1', client: 'bob' });
    const namesakes = latest === null ? [] : ledger.namesakes(latest);
    expect(namesakes).toMatchObject([{ internalId: 'a2', client: 'alice' }]);
    expect(latest && timelineOf(latest, namesakes).at(-1)).toBe(
      'alice uses the same id: kms explain a2',
    );
  });
});
