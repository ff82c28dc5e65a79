import { describe, expect, it } from 'vitest';
import { errorBodyForClient, errorDetails, withRetryTime } from './error-details.ts';

const details = (document: unknown) => errorDetails(JSON.stringify(document));

describe('the details of an error', () => {
  it('are read from the error at the top', () => {
    const metadata = {
      limit_source: 'openrouter_credits',
      reason: 'weight_exceeds_budget',
      provider_name: 'Liquid',
      raw: 'slow down',
      retry_after_seconds: 3,
      resets_at: '2026-10-03T00:00:00Z',
      headers: { 'X-RateLimit-Reset': 17, 'Retry-After': '4', odd: {} },
      error_type: 'rate_limit_exceeded',
    };
    const availability = { code: 'capacity_exhausted', retry_after: '9' };
    expect(details({ error: { code: 429, message: ' x ', metadata, availability } })).toEqual({
      isJson: true,
      code: '429',
      type: 'rate_limit_exceeded',
      message: 'x',
      limitSource: 'openrouter_credits',
      reason: 'weight_exceeds_budget',
      providerName: 'Liquid',
      raw: 'slow down',
      availability: 'capacity_exhausted',
      retryAfterSeconds: '3',
      resetsAt: '2026-10-03T00:00:00Z',
      headers: { 'x-ratelimit-reset': '17', 'retry-after': '4', odd: '' },
    });
  });

  it.each([
    ['in the choice that failed', { choices: [{}, { error: { message: 'm', code: 502 } }] }],
    ['in the response that failed', { response: { error: { message: 'm', code: 502 } } }],
    ['with its metadata beside it', { error: { message: 'm', code: 502 }, metadata: { raw: 'r' } }],
  ])('are read where the error stands %s', (_where, document) => {
    expect(details(document)).toMatchObject({ message: 'm', code: '502' });
  });

  it('have the metadata beside an error that has none inside', () => {
    expect(details({ error: {}, metadata: { raw: 'beside' } }).raw).toBe('beside');
    const both = { error: { metadata: { raw: 'inside' } }, metadata: { raw: 'beside' } };
    expect(details(both).raw).toBe('inside');
  });

  it('have the most exact type there is', () => {
    const error = { type: 'a', error_type: 'b', metadata: { error_type: 'c' } };
    expect(details({ error }).type).toBe('c');
    expect(details({ error: { ...error, metadata: {} } }).type).toBe('b');
    expect(details({ error: { type: 'a' } }).type).toBe('a');
  });

  it('have the waiting time of the availability where there is no other', () => {
    expect(details({ error: { availability: { retry_after: 9 } } }).retryAfterSeconds).toBe('9');
  });

  it('say nothing where there is no JSON', () => {
    const { isJson, message, headers } = errorDetails('<html>words</html>');
    expect([isJson, message, headers]).toEqual([false, '', {}]);
    expect(errorDetails('null').isJson).toBe(false);
    expect(errorDetails('7').isJson).toBe(false);
  });

  it.each([
    [
      'an answer whose choice failed',
      { choices: [{ finish_reason: 'error', message: { content: 'PATIENT' } }] },
    ],
    ['an answer beside an empty error', { error: null, choices: [{ text: 'PATIENT' }] }],
    ['a text', 'PATIENT'],
    ['a list', ['PATIENT']],
    ['a document of another service', { detail: 'PATIENT', message: 'PATIENT' }],
  ])('hold no word of %s', (_what, document) => {
    expect(details(document).message).toBe('');
  });

  it.each([
    ['at the top', { error: 'm' }],
    ['in a choice', { choices: [{ error: 'm' }] }],
    ['in an event of type error', { type: 'error', code: '502', message: 'm' }],
  ])('are read from an error that is a text %s', (_where, document) => {
    expect(details(document).message).toBe('m');
  });

  it('are shortened', () => {
    expect(details({ error: { message: ` ${'x'.repeat(2_000)}` } }).message).toBe('x'.repeat(300));
  });

  it('have an empty message where there is none', () => {
    expect(details({ error: {} }).message).toBe('');
  });

  it.each([
    ['user_2abcdefgh', 'user_***'],
    ['org_2abcdefgh', 'org_***'],
    ['user_location', 'user_location'],
    ['user_1', 'user_1'],
    ['sk-or-v1-x9', '***'],
    ['ab'.repeat(32), '***'],
    ['ab'.repeat(31), 'ab'.repeat(31)],
  ])('tell nothing of keys and accounts: %s', (word, shown) => {
    expect(details({ error: { message: `of ${word}.` } }).message).toBe(`of ${shown}.`);
  });
});

describe('an error body for the client', () => {
  const forClient = (text: string) => errorBodyForClient(Buffer.from(text)).toString();

  it('is the very bytes where there is nothing to remove', () => {
    const body = Buffer.from('{"error": {"message":"x"} }');
    expect(errorBodyForClient(body)).toBe(body);
  });

  it('is without the account’s id', () => {
    expect(forClient('{"error":{"message":"x"},"user_id":"user_1"}')).toBe(
      '{"error":{"message":"x"}}',
    );
  });

  it('is without keys, in JSON and in any other text', () => {
    expect(forClient('{"error":"sk-or-v1-x9","user_id":1}')).toBe('{"error":"***"}');
    expect(forClient('<p>sk-or-v1-x9</p>')).toBe('<p>***</p>');
  });

  it('may be a list, or nothing', () => {
    expect(forClient('["user_id"]')).toBe('["user_id"]');
    expect(forClient('null')).toBe('null');
    expect(forClient('')).toBe('');
  });
});

describe('an error that lasts', () => {
  const lasting = (error: object): unknown =>
    JSON.parse(withRetryTime(Buffer.from(JSON.stringify({ error })), 1, 'Try later.').toString());

  it.each([
    ['Slow down', 'Slow down. Try later.'],
    ['Slow down!', 'Slow down! Try later.'],
    ['', 'Try later.'],
  ])('ends with the time in a sentence of its own: %j', (message, words) => {
    expect(lasting({ message })).toMatchObject({ error: { message: words } });
  });

  it('has the type of a quota, unless it has one already', () => {
    expect(lasting({})).toMatchObject({ error: { type: 'quota_exceeded' } });
    expect(lasting({ type: 'rate_limit_error' })).toMatchObject({
      error: { type: 'rate_limit_error' },
    });
  });
});
