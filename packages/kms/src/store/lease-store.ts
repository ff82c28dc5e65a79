import type { LeaseTable } from './lease-table.ts';
import type { StateStore, Window } from './state-store.ts';
import type { WindowCounts } from './window-counts.ts';

/** The lease and window methods of a state store. */
type LeaseStore = Pick<
  StateStore,
  | ('reserve' | 'confirm' | 'release' | 'adopt' | 'shorten' | 'inFlight')
  | ('used' | 'raise' | 'snapshot' | 'reconcile' | 'transfer')
>;

/**
 * The part of a state store that keeps leases in memory. `onCount` is called for each window whose
 * count changed and must be saved.
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
      Promise.resolve(leases.release(leaseId, now, unsent, onCount)),
    adopt: (held, session, now) => {
      leases.adopt(held, session, now);
      return Promise.resolve();
    },
    shorten: (session, at) => {
      leases.shorten(session, at);
      return Promise.resolve();
    },
    inFlight: (now) => Promise.resolve(leases.inFlight(now)),
    ...windowStore(leases, windows, onCount),
  };
}

/** The part that counts leases in windows. */
function windowStore(
  leases: LeaseTable,
  windows: WindowCounts,
  onCount: (window: Window) => void,
): Pick<LeaseStore, 'used' | 'raise' | 'snapshot' | 'reconcile' | 'transfer'> {
  return {
    used: (asked) => Promise.resolve(asked.map((window) => windows.used(window))),
    raise: (window, used) => {
      windows.raise(window, used, window.startsAt);
      onCount(window);
      return Promise.resolve();
    },
    snapshot: (window, slotId, now) => {
      const inFlight = leases.inFlight(now).get(slotId) ?? 0;
      return Promise.resolve({ given: windows.given(window), inFlight });
    },
    reconcile: (window, used, snapshot) => {
      windows.reconcile(window, used, snapshot);
      onCount(window);
      return Promise.resolve();
    },
    transfer: (from, to) => {
      windows.transfer(from, to);
      onCount(from);
      onCount(to);
      return Promise.resolve();
    },
  };
}
