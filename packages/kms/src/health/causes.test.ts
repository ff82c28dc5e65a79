import { describe, expect, it } from 'vitest';
import { healthCauses, type HealthFacts } from './causes.ts';
import type { KeyHealth } from './key-health.ts';

const T = Date.UTC(2026, 9, 2, 6, 9);
const QUIET: HealthFacts['traffic'] = {
  ...{ failingSince: null, refusedSince: null, windowMs: 120_000 },
  ...{ answered: 0, failed: 0, modelLimited: 0, refused: 0, unauthorized: 0 },
};
const SERVING: KeyHealth = { name: 'a', kind: 'serving', since: T };
const REFUSED: KeyHealth = {
  ...{ name: 'b', kind: 'refused', since: T + 1, status: 401, detail: 'User not found.' },
};
const DISABLED: KeyHealth = { name: 'c', kind: 'disabled', since: T + 2 };
const MANAGEMENT: KeyHealth = { name: 'e', kind: 'management', since: T + 4 };
const limited = (free: number, paid: number): KeyHealth => ({
  ...{ name: 'd', kind: 'limited', since: T + 3, free, paid },
});

const WELL: HealthFacts = {
  ...{ startedAt: T, keys: [SERVING], trouble: null, clockError: null, block: null },
  ...{ wasContacted: true, store: null, traffic: QUIET },
};
const kinds = (facts: Partial<HealthFacts>) =>
  healthCauses({ ...WELL, ...facts }).map(({ kind }) => kind);

it('finds nothing wrong when OpenRouter accepts a key that can serve', () => {
  expect(kinds({})).toEqual([]);
});

it('says that no key was checked before OpenRouter has answered', () => {
  expect(kinds({ wasContacted: false })).toEqual(['unchecked']);
});

describe('keys', () => {
  it.each<[what: string, keys: KeyHealth[], expected: string[]]>([
    ['none', [], ['no_keys']],
    ['all refused', [REFUSED, REFUSED], ['all_keys_refused']],
    ['all that are enabled refused', [REFUSED, DISABLED], ['all_keys_refused']],
    ['one of two refused', [SERVING, REFUSED], ['some_keys_refused']],
    ['one of two a management key', [SERVING, MANAGEMENT], ['management_keys']],
    ['all management keys', [MANAGEMENT, MANAGEMENT], ['all_keys_management']],
    [
      'management keys and disabled ones',
      [MANAGEMENT, DISABLED],
      ['all_keys_disabled', 'management_keys'],
    ],
    [
      'a management key and a refused one',
      [MANAGEMENT, REFUSED],
      ['management_keys', 'all_keys_refused'],
    ],
    ['all disabled', [DISABLED, DISABLED], ['all_keys_disabled']],
    ['one of two disabled', [SERVING, DISABLED], []],
    ['all limited', [limited(T + 9, T + 9)], ['all_keys_limited']],
    ['the rest limited', [REFUSED, limited(T, T)], ['some_keys_refused', 'all_keys_limited']],
    ['one of two limited', [SERVING, limited(T, T)], []],
    ['no free models', [limited(T, 0), limited(T, 0)], ['models_limited']],
    ['free models on another key', [limited(T, 0), limited(0, T)], []],
  ])('%s', (_what, keys, expected) => {
    expect(kinds({ keys })).toEqual(expected);
  });

  it('counts from when the last of all keys was refused', () => {
    const keys = [REFUSED, { ...REFUSED, since: T + 60_000 }];
    expect(healthCauses({ ...WELL, keys })).toEqual([
      {
        ...{ kind: 'all_keys_refused', since: T + 60_000, refused: 2, keys: 2 },
        ...{ status: 401, detail: 'User not found.' },
      },
    ]);
  });

  it('says when the first limited key returns', () => {
    const keys = [limited(T + 90, T + 50), limited(T + 70, T + 80)];
    expect(healthCauses({ ...WELL, keys })).toMatchObject([{ until: T + 50 }]);
  });
});

describe('what clients see', () => {
  const traffic = (counts: Partial<HealthFacts['traffic']>) =>
    kinds({ traffic: { ...QUIET, failingSince: T, refusedSince: T, ...counts } });

  it('is critical when half of the requests failed', () => {
    expect(traffic({ answered: 5, failed: 5 })).toEqual(['requests_failing']);
  });

  it('is a warning when a tenth of the requests failed', () => {
    expect(traffic({ answered: 27, failed: 3 })).toEqual(['some_requests_failing']);
  });

  it('is well when fewer failed, or too few were made to tell', () => {
    expect(traffic({ answered: 28, failed: 3 })).toEqual([]);
    expect(traffic({ failed: 2 })).toEqual([]);
  });

  it('is a warning, and no more, when only one model is limited', () => {
    expect(traffic({ failed: 20, modelLimited: 20 })).toEqual(['some_requests_failing']);
    expect(traffic({ failed: 25, modelLimited: 20 })).toEqual(['some_requests_failing']);
    expect(traffic({ failed: 40, modelLimited: 20 })).toEqual(['requests_failing']);
  });

  it('is a warning, and no more, when only clients are at fault', () => {
    expect(traffic({ refused: 50, unauthorized: 50 })).toEqual(['clients_refused']);
  });
});
