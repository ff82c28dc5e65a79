import type { Cause, KeyView, LimitView } from '@openrouter-proxy/kms-protocol';
import { expect, it } from 'vitest';
import { standingNote } from './key-words.ts';

const CAUSE: Cause = { reason: 'rate_limited', source: 'header', detail: '' };

function noteOf(limit: Pick<LimitView, 'scope' | 'pool' | 'model'>): string {
  const limits = [{ ...limit, since: 0, until: 60_000, cause: CAUSE }];
  const view: Pick<KeyView, 'state' | 'check' | 'limits'> = {
    state: { kind: 'available', since: 0 },
    check: null,
    limits,
  };
  return standingNote(view, 0);
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
