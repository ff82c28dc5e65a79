import type { LeaseTable } from './lease-table.ts';
import type { StateStore, Window } from './state-store.ts';
import type { WindowCounts } from './window-counts.ts';

/** What a state store has to do with leases and windows. */
type LeaseStore = Pick<
  StateStore,
  'reserve' | 'confirm' | 'release' | 'adopt' | 'shorten' | 'inFlight' | 'used' | 'raise'
>;

/**
 * The part of a state store that keeps leases in memory. `onCount` is told of each window whose count
 * has changed and is to be kept.
 */
export function leaseStore(
  leases: LeaseTable,
  windows: WindowCounts,
  onCount: (window: Window) => void,
): LeaseStore {
  return {
    reserve: (candidates, terms, now) => {
      const reserved = leases.reserve(candidates, terms, now);
      for (const window of reserved.taken?.windows ?? []) onCount(window);
      return Promise.resolve(reserved);
    },
    confirm: (leaseId, now) => Promise.resolve(leases.confirm(leaseId, now)),
    release: (leaseId, _keyId, now, unsent) =>
      Promise.resolve(leases.release(leaseId, now, unsent)),
    adopt: (held, session, now) => {
      leases.adopt(held, session, now);
      return Promise.resolve();
    },
    shorten: (session, at) => {
      leases.shorten(session, at);
      return Promise.resolve();
    },
    inFlight: (now) => Promise.resolve(leases.inFlight(now)),
    used: (asked) => Promise.resolve(asked.map((window) => windows.used(window))),
    raise: (window, used) => {
      windows.raise(window, used, window.startsAt);
      onCount(window);
      return Promise.resolve();
    },
  };
}
