import { expect, it } from 'vitest';
import { Secret } from '@openrouter-proxy/runtime';
import { LeaseLoads } from './lease-loads.ts';

const key = (id: string, position: number) => ({
  ...{ id, position, name: id, secret: new Secret(id) },
  ...{ account: null, maxConcurrency: null },
});

it('counts the leases of each key by its position', () => {
  const counts = new LeaseLoads();
  const loads = counts.of([key('a', 0), key('b', 1)]);
  counts.onInFlight('b', 2);
  counts.onInFlight('free/acme', 5);
  expect(loads.leases).toEqual([0, 2]);
});

it('orders changes by time', () => {
  const counts = new LeaseLoads();
  const { changedAt } = counts.of([key('a', 0), key('b', 1)]);
  counts.onInFlight('b', 1);
  counts.onInFlight('a', 1);
  expect(changedAt[0]).toBeGreaterThan(changedAt[1] ?? Infinity);
});

it('keeps the counts of keys that change their position', () => {
  const counts = new LeaseLoads();
  counts.of([key('a', 0), key('b', 1)]);
  counts.onInFlight('a', 3);
  expect(counts.of([key('b', 0), key('a', 1)]).leases).toEqual([0, 3]);
});
