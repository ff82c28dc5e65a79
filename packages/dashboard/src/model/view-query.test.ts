import { describe, expect, it } from 'vitest';
import {
  DEFAULT_VIEW,
  isFiltered,
  liveAddress,
  parseViewQuery,
  requestAddress,
  viewAddress,
} from './view-query.ts';

const FULL = {
  range: '6h',
  outcome: 'failed',
  client: 'nightly & co',
  key: 'team-b',
  model: 'a/b:free',
  before: 4711,
} as const;

describe('the query of the page', () => {
  it('is read from the address, and written to it', () => {
    expect(parseViewQuery('')).toEqual(DEFAULT_VIEW);
    const address = viewAddress(FULL, 'requests');
    expect(address).toBe(
      '/metrics?range=6h&outcome=failed&client=nightly+%26+co&key=team-b&model=a%2Fb%3Afree&before=4711#requests',
    );
    expect(parseViewQuery(new URL(address, 'http://localhost').search)).toEqual(FULL);
  });

  it('leaves defaults out of the address', () => {
    expect(viewAddress(DEFAULT_VIEW)).toBe('/metrics');
    expect(viewAddress({ ...DEFAULT_VIEW, range: '1h', key: 'k' })).toBe('/metrics?key=k');
  });

  it('goes along to the live feed, and to a request', () => {
    expect(liveAddress(DEFAULT_VIEW)).toBe('/metrics/live');
    expect(liveAddress({ ...DEFAULT_VIEW, outcome: 'failed' })).toBe(
      '/metrics/live?outcome=failed',
    );
    expect(requestAddress({ ...DEFAULT_VIEW, range: '24h' }, 'a b')).toBe(
      '/metrics?range=24h&request=a+b',
    );
  });

  it.each([
    'range=constructor',
    'range=2h',
    'outcome=toString',
    'outcome=everything',
    `client=${'x'.repeat(129)}`,
    `key=${'x'.repeat(301)}`,
    `model=${'x'.repeat(257)}`,
    'client=&key=%20&model=',
    'before=-1',
    'before=1e9',
    'before=1234567890123456',
  ])('takes no notice of %s', (search) => {
    expect(parseViewQuery(`?${search}`)).toEqual(DEFAULT_VIEW);
  });

  it('says whether requests are left out', () => {
    expect(isFiltered(FULL)).toBe(true);
    expect(isFiltered(parseViewQuery('?range=24h&before=3'))).toBe(false);
  });
});
