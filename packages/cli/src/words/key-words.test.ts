import type { Cause, LimitView } from '@openrouter-proxy/kms-protocol';
import type { StandingFacts } from '@openrouter-proxy/kms-protocol/key-standing';
import { expect, it } from 'vitest';
import { standing, standingNote } from './key-words.ts';

const CAUSE: Cause = { reason: 'rate_limited', source: 'header', detail: '' };

const AVAILABLE: StandingFacts = {
  ...{ state: { kind: 'available', since: 0 }, check: null, upstream: null, limits: [] },
};

it('an available key is unreachable, and not green, while OpenRouter’s name cannot be resolved', () => {
  const upstream = { kind: 'dns_failed', since: 0, detail: 'getaddrinfo EAI_AGAIN' } as const;
  const view = { ...AVAILABLE, upstream };
  expect(standing(view)).toEqual({ text: 'unreachable', tone: 'bad' });
  expect(standingNote(view, 0)).toMatch(
    /^OpenRouter's host name cannot be resolved since .*: getaddrinfo EAI_AGAIN$/,
  );
});

function noteOf(limit: Pick<LimitView, 'scope' | 'pool' | 'model'>): string {
  const limits = [{ ...limit, since: 0, until: 60_000, cause: CAUSE }];
  return standingNote({ ...AVAILABLE, limits }, 0);
}

it.each([
  [{ scope: 'account', pool: 'free', model: null }, 'no free models on its account'],
  [{ scope: 'account', pool: 'paid', model: null }, 'no paid models on its account'],
  [{ scope: 'account', pool: 'all', model: null }, 'no models on its account'],
  [{ scope: 'account-model', pool: 'free', model: 'a/b:free' }, 'not a/b:free on its account'],
  [{ scope: 'key-model', pool: 'all', model: 'a/b' }, 'not a/b on this key'],
  [{ scope: 'model', pool: 'all', model: 'a/b' }, 'not a/b'],
  [{ scope: 'upstream', pool: 'all', model: null }, 'no way to OpenRouter'],
] as const)('a key under the limit %j serves %s', (limit, lack) => {
  expect(noteOf(limit)).toMatch(new RegExp(`^${lack} until .* \\(in 1m\\): rate limited$`));
});
