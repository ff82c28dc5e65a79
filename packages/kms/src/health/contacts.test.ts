import type { Outcome } from '@openrouter-proxy/kms-protocol';
import { describe, expect, it } from 'vitest';
import { contactOfCheck, contactOfRequest, type Contact } from './contact.ts';
import { Contacts } from './contacts.ts';

const T = Date.UTC(2026, 9, 2, 6, 9);
const UNAUTHORIZED: Outcome = {
  ...{ kind: 'unauthorized', status: 401, evidence: [], detail: 'User not found.' },
};
const NO_CONNECTION: Outcome = { kind: 'connection_failed', detail: 'connect ECONNREFUSED' };
const BAD_GATEWAY: Outcome = {
  ...{ kind: 'provider_failed', status: 502, evidence: [], detail: '' },
};
const ACCEPTED: Contact = { kind: 'answered', key: 'accepted', status: 200, detail: '' };
const checked = (outcome: Outcome) => contactOfCheck({ kind: 'failed', outcome });
const requested = (outcome: Outcome) =>
  contactOfRequest(outcome, { model: 'a/b', isInference: true });

it('keeps a refusal until OpenRouter accepts the key', () => {
  const contacts = new Contacts();
  contacts.check('a', checked(UNAUTHORIZED), T);
  contacts.check('a', checked(UNAUTHORIZED), T + 1_000);
  expect(contacts.of('a')).toMatchObject({ verdict: 'refused', since: T, at: T + 1_000 });
  contacts.check('a', checked(NO_CONNECTION), T + 2_000);
  expect(contacts.of('a')).toMatchObject({ verdict: 'refused', since: T });
  contacts.check('a', ACCEPTED, T + 3_000);
  expect(contacts.of('a')).toMatchObject({ verdict: 'accepted', since: T + 3_000 });
});

it('keeps a network failure until OpenRouter answers', () => {
  const contacts = new Contacts();
  expect(contacts.check('a', checked(NO_CONNECTION), T)).toBe('begins');
  expect(contacts.check('b', checked(NO_CONNECTION), T + 1_000)).toBe('goes on');
  expect(contacts.trouble).toMatchObject({ kind: 'connection_failed', since: T });
  expect(contacts.check('a', checked(UNAUTHORIZED), T + 2_000)).toBe('ends');
  expect(contacts.trouble).toBeNull();
});

it('takes a failed request for a doubt: only GET /key tells of an outage', () => {
  const contacts = new Contacts();
  expect(contacts.request('a', requested(NO_CONNECTION), T)).toBe('doubt');
  expect(contacts.trouble).toBeNull();
  contacts.check('a', checked(NO_CONNECTION), T + 1);
  expect(contacts.request('a', requested(NO_CONNECTION), T + 2)).toBe('goes on');
});

it('takes a 401 of another endpoint than a model’s for a doubt about the key', () => {
  const asked = { model: null, isInference: false };
  expect(contactOfRequest(UNAUTHORIZED, asked)).toEqual({ kind: 'doubt' });
});

it('a public endpoint that answers says nothing of the key', () => {
  const contacts = new Contacts();
  contacts.check('a', checked(UNAUTHORIZED), T);
  contacts.request(
    'a',
    contactOfRequest({ kind: 'success', status: 200 }, { model: null, isInference: true }),
    T + 1,
  );
  expect(contacts.of('a')?.verdict).toBe('refused');
});

it('notices a clock that is off, and that it is right again', () => {
  const contacts = new Contacts();
  contacts.clock(119_999, T);
  expect(contacts.clockError).toBeNull();
  contacts.clock(-3_600_000, T);
  contacts.clock(-3_600_001, T + 1);
  expect(contacts.clockError).toEqual({ since: T, offsetMs: -3_600_001 });
  contacts.clock(0, T + 2);
  expect(contacts.clockError).toBeNull();
});

describe('an answer of 502', () => {
  it('to GET /key, behind which there is no provider, is OpenRouter’s own failure', () => {
    expect(checked(BAD_GATEWAY)).toMatchObject({ kind: 'trouble', trouble: 'upstream_failing' });
  });

  it('to a request is a doubt, unless it names the provider', () => {
    expect(requested(BAD_GATEWAY)).toEqual({ kind: 'doubt' });
    expect(requested({ ...BAD_GATEWAY, provider: 'OpenAI' })).toMatchObject({ kind: 'answered' });
  });
});

it.each([
  ['dns', 'dns_failed'],
  ['certificate', 'certificate_untrusted'],
  ['certificate_dates', 'certificate_dates'],
  [undefined, 'connection_failed'],
] as const)('a connection that fails for %s is %s', (problem, trouble) => {
  const outcome = { kind: 'connection_failed', detail: '', problem } as const;
  expect(checked(outcome)).toMatchObject({ kind: 'trouble', trouble });
});

it('a client that leaves is a doubt when OpenRouter had said nothing for seconds', () => {
  expect(requested({ kind: 'client_abort', silentMs: 2_000 })).toEqual({ kind: 'doubt' });
  expect(requested({ kind: 'client_abort', silentMs: 1_999 })).toEqual({ kind: 'none' });
  expect(requested({ kind: 'client_abort' })).toEqual({ kind: 'none' });
});
