import type { RequestSummary, RequestView } from '@openrouter-proxy/kms-protocol';
import { expect, test } from 'vitest';
import { keysTried, requestInWords, shortRequestId } from './request-words.ts';

const END: RequestSummary = {
  ...{ requestId: 'r1', at: 0, client: null, api: 'chat', model: null, status: 200, attempts: 1 },
  ...{ verdict: 'complete', failure: null, generationId: null, queuedMs: 0, leasedMs: 0 },
  ...{ firstContentMs: null, totalMs: 1, usage: null },
};
const step = (keyName: string, outcome: string | null) => ({
  ...{ kind: 'attempt' as const, at: 0, candidates: 1, leftOut: [], leftOutCount: 0 },
  ...{ keyId: '0123456789ab', keyName, rule: 'first', endedAt: 0, outcome, status: null },
  ...{ detail: '', usage: null, followed: [] },
});
const request = (
  end: Partial<RequestSummary> | null,
  steps: RequestView['steps'] = [step('team-a', 'success')],
): RequestView => ({
  ...{ requestId: 'r1', at: 0, client: null, api: 'chat', model: null, steps },
  end: end === null ? null : { ...END, ...end },
});

test.each<[string, RequestView, string]>([
  ['an answer', request({}), 'answered (200)'],
  [
    'a refusal by the gateway',
    request({ status: 429, failure: 'keys_limited' }),
    'every key is limited (429)',
  ],
  [
    'an error of OpenRouter that was passed on',
    request({ status: 400 }, [step('team-a', 'timeout'), step('team-b', 'caller_error')]),
    'request refused (400)',
  ],
  ['a broken stream', request({ verdict: 'truncated' }), 'cut off (200)'],
  [
    'a client that left',
    request({ verdict: 'client_abort', status: null }),
    'client left (no answer)',
  ],
  ['a request under way', request(null), 'running'],
])('says how it ended: %s', (_title, view, expected) => {
  expect(requestInWords(view).text).toBe(expected);
});

test('names each key once, and counts those beyond three', () => {
  const names = ['a', 'a', 'b', 'c', 'd', 'e'];
  expect(
    keysTried(
      request(
        {},
        names.map((name) => step(name, 'timeout')),
      ),
    ),
  ).toBe('a, b, c and 2 more');
  expect(keysTried(request({}, []))).toBe('–');
});

test('shortens a UUID, and no id that a client made', () => {
  expect(shortRequestId('0249721c-176f-4284-848a-00d80a852900')).toBe('0249721c');
  expect(shortRequestId('build-2026-11-23-0001')).toBe('build-2026-11-23-0001');
});
