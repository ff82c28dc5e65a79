import type { RequestView } from '@openrouter-proxy/kms-protocol';
import { describe, expect, it } from 'vitest';
import { samplePage } from '../../test/fixtures/sample.ts';
import { endingOf, isOver, keysTried } from './request-summary.ts';

type End = NonNullable<RequestView['end']>;

function ended(changed: Partial<End>): RequestView {
  const request = samplePage().snapshot.requests.find(({ end }) => end !== null);
  if (!request?.end) throw new Error('the sample has no request that ended');
  return { ...request, end: { ...request.end, failure: null, status: 200, ...changed } };
}

describe('how a request ended', () => {
  it.each([
    [{ verdict: 'complete' }, 'good', 'answered'],
    [{ verdict: 'complete', status: 404 }, 'warn', 'refused'],
    [{ verdict: 'truncated' }, 'bad', 'cut off'],
    [{ verdict: 'client_abort' }, 'quiet', 'client left'],
    [{ verdict: 'complete', failure: 'keys_limited' }, 'bad', 'every key is limited'],
  ] as const)('is told from %o', (end, tone, text) => {
    expect(endingOf(ended(end))).toEqual({ tone, text });
  });

  it('is open while it is running', () => {
    expect(endingOf({ ...ended({}), end: null }).text).toBe('running');
  });

  it('is final once the request and each of its attempts have ended', () => {
    const request = ended({});
    expect(isOver(request)).toBe(true);
    expect(isOver({ ...request, end: null })).toBe(false);
    const running = request.steps.map((step) =>
      step.kind === 'attempt' ? { ...step, endedAt: null } : step,
    );
    expect(isOver({ ...request, steps: running })).toBe(false);
  });

  it('names every key that was tried once, in order', () => {
    expect(keysTried(ended({}))).toEqual(['team-b', 'production']);
  });
});
