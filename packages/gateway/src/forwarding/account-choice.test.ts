import { expect, it } from 'vitest';
import type { ObjectOwner } from '../key-service/object-owners.ts';
import { accountFor } from './account-choice.ts';

const KNOWN: ObjectOwner = {
  kind: 'known',
  object: {
    ...{ kind: 'video', id: 'v', keyId: '0123456789ab', account: 'acct-1', client: 'ann' },
    ...{ createdAt: 0, expiresAt: 1 },
  },
};

it('a known object is served on its account for its client', () => {
  for (const access of ['read', 'write'] as const) {
    const choice = accountFor(KNOWN, { client: 'ann', access });
    expect(choice).toEqual({ kind: 'pinned', account: 'acct-1' });
  }
});

it.each(['bob', null])('a known object does not exist for the client %s', (client) => {
  expect(accountFor(KNOWN, { client, access: 'read' })).toMatchObject({
    kind: 'refused',
    error: { code: 'not_found' },
  });
});

it('an object that nobody remembers is looked for to be read, and never to be changed', () => {
  const unknown = { kind: 'unknown' } as const;
  expect(accountFor(unknown, { client: 'ann', access: 'read' })).toEqual({ kind: 'search' });
  expect(accountFor(unknown, { client: 'ann', access: 'write' })).toMatchObject({
    error: { code: 'not_found' },
  });
});

it('an object whose owner cannot be looked up is not looked for: it may belong to another client', () => {
  const choice = accountFor({ kind: 'unavailable' }, { client: 'ann', access: 'read' });
  expect(choice).toMatchObject({ kind: 'refused', error: { code: 'key_service_unavailable' } });
});
