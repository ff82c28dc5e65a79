import { describe, expect, it } from 'vitest';
import type { Refusal } from '../outcome/outcome.ts';
import { BodyMembers } from './body-members.ts';
import { attributed as attributedTo, extrasReaders } from './request-extras.ts';

const refusal = (kind: Refusal['kind']) =>
  ({ kind, status: 402, evidence: [], detail: 'x' }) as unknown as Refusal;
function attributed(refused: Refusal, model: string, body: string | null): Refusal {
  const members = new BodyMembers(extrasReaders());
  members.push(Buffer.from(body ?? ''));
  return attributedTo(refused, model, body === null ? null : (name) => members.get(name));
}
const FREE = 'a/b:free';

describe('a refusal for want of credits, on a free model', () => {
  it.each([
    '{"plugins":[{"id":"web"}]}',
    '{"web_search_options":{}}',
    '{"tools":[{"type":"openrouter:web_search"}]}',
    null,
  ])('is about what the request adds: %s', (body) => {
    expect(attributed(refusal('credits_exhausted'), FREE, body).kind).toBe('credits_short');
  });

  it.each(['{"messages":[]}', '{"tools":[{"type":"function"}]}', '{"x":"\\"plugins\\""}'])(
    'is about the account when the request adds nothing: %s',
    (body) => {
      expect(attributed(refusal('credits_exhausted'), FREE, body).kind).toBe('credits_exhausted');
    },
  );
});

it('a refusal for want of credits is about the account on a paid model, whatever is added', () => {
  const refused = refusal('credits_exhausted');
  expect(attributed(refused, 'a/b', '{"plugins":[]}')).toBe(refused);
});

it('a refusal by policy may be the request’s own doing where that narrows the providers', () => {
  const refused = refusal('account_policy');
  expect(attributed(refused, 'a/b', '{"provider":{"only":["x"]}}')).toMatchObject({
    isNarrowed: true,
  });
  expect(attributed(refused, 'a/b', '{"messages":[]}')).toBe(refused);
});
