import { describe, expect, it } from 'vitest';
import { GatewayError } from '../errors/gateway-error.ts';
import { MAX_REMEMBERED, RepeatedRefusals, type RefusedRequest } from './repeated-refusals.ts';

const HOUR = 3_600_000;
const limited = (retryAfterMs: number) =>
  new GatewayError('keys_limited', 'Every key is limited.', { retryAfterMs });
const request = (about: Partial<RefusedRequest> = {}, contentLength = '20'): RefusedRequest => ({
  ...{ client: 'default', address: '127.0.0.1', path: '/chat/completions', model: 'm' },
  ...about,
  contentLength,
});

/** Judges a failure of each request, one second after the other, and gives the statuses. */
function statuses(requests: readonly RefusedRequest[], failure = limited(HOUR), everyMs = 1_000) {
  const refusals = new RepeatedRefusals();
  return requests.map((one, at) => refusals.judge(failure, one, at * everyMs).status);
}

describe('a request that is refused for more than a minute', () => {
  it('is refused firmly from the third time on', () => {
    expect(statuses([request(), request(), request(), request()])).toEqual([429, 429, 403, 403]);
  });

  it('keeps its reason and its time when it is refused firmly', () => {
    const refusals = new RepeatedRefusals();
    for (let time = 0; time < 2; time += 1) refusals.judge(limited(HOUR), request(), 0);
    expect(refusals.judge(limited(HOUR), request(), 0)).toMatchObject({
      ...{ code: 'keys_limited', retryAfterMs: HOUR },
      message: 'Every key is limited. This request was repeated too early.',
    });
  });

  it.each([
    ['client', request({ client: 'other' })],
    ['address', request({ address: '127.0.0.2' })],
    ['path', request({ path: '/responses' })],
    ['model', request({ model: 'n' })],
    ['length', request({}, '21')],
  ])('is not taken for one with another %s', (_about, other) => {
    expect(statuses([request(), request(), other, request()])).toEqual([429, 429, 429, 403]);
  });

  it('is forgotten two minutes after its last refusal', () => {
    expect(statuses([request(), request(), request()], limited(HOUR), 120_000)).toEqual([
      429, 429, 429,
    ]);
    expect(statuses([request(), request(), request()], limited(HOUR), 119_999)).toEqual([
      429, 429, 403,
    ]);
  });
});

it('a request that can be served within a minute may be repeated', () => {
  expect(statuses([request(), request(), request()], limited(60_000))).toEqual([429, 429, 429]);
});

it('does not change a failure that no wait cures', () => {
  const error = new GatewayError('no_usable_key', 'No key is configured.');
  expect(new RepeatedRefusals().judge(error, request(), 0)).toBe(error);
});

it('remembers a bounded number of requests, the latest ones', () => {
  const refusals = new RepeatedRefusals();
  for (let length = 0; length <= MAX_REMEMBERED; length += 1) {
    refusals.judge(limited(HOUR), request({}, String(length)), 0);
  }
  expect(refusals.size).toBe(MAX_REMEMBERED);
});
