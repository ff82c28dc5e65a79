import { describe, expect, it } from 'vitest';
import { newRecord, type KeyRecord } from '../../src/keys/key-record.ts';
import type { Candidate, StateStore, Window } from '../../src/store/state-store.ts';

/** Opens the store, a second time with what the first has left behind. */
export type OpenStore = () => StateStore | Promise<StateStore>;

/** The noon at which the stores are opened. */
const T = Date.UTC(2026, 9, 2, 12);
const DAY = 86_400_000;
const [A, B] = ['aaaaaaaaaaaa', 'bbbbbbbbbbbb'];
const about = { model: 'm', client: 'c' };
const terms = { session: 1, expiresAt: T + 1_000, ...about };
const traits = {
  ...{ limitRemaining: null, limitReset: null, expiresAt: null, account: null },
  isManagement: false,
};

const cause = { reason: 'rate_limited', source: 'header', detail: 'slow down' } as const;
const cooling: KeyRecord = {
  state: { kind: 'cooling', since: T, until: T + DAY, cause },
  generation: 3,
  strikeUntil: T + 500,
  traits: { ...traits, limitReset: 'daily', account: 'acct-1' },
};
const disabled: KeyRecord = {
  state: { kind: 'disabled', since: T, cause },
  generation: 9,
  strikeUntil: null,
  traits,
};

const candidate = (
  keyId: string,
  leaseId: string,
  limit: number | null,
  windows: readonly Window[] = [],
): Candidate => ({ keyId, leaseId, slots: [{ id: keyId, limit }], windows });

const window: Window = { id: 'account/minute', startsAt: T, endsAt: T + 60_000, limit: 2 };

/** What every state store must do. Lease ids that begin with `ours` are of this life of the service. */
export function describeStateStore(name: string, prepare: () => OpenStore): void {
  describe(`the records of ${name}`, () => {
    it('are there after a restart, the last of each key', async () => {
      const open = prepare();
      const store = await open();
      await store.save(A, newRecord(T));
      await Promise.all([store.save(A, cooling), store.save(B, disabled)]);
      await store.close();
      const again = await open();
      const records = await again.load([A, B], T);
      expect(records).toEqual(new Map([[A, cooling], [B, disabled]])); // prettier-ignore
      await again.close();
    });

    it('are as they were saved last when a key is asked for again', async () => {
      const store = await prepare()();
      await store.load([A, B], T);
      await store.save(A, cooling);
      await store.save(A, disabled);
      expect([...(await store.load([B], T)).keys()]).toEqual([]);
      expect((await store.load([A, B], T)).get(A)).toEqual(disabled);
      await store.close();
    });

    it('are only of the keys asked for, and none of a key nothing was saved of', async () => {
      const open = prepare();
      const store = await open();
      await store.save(A, cooling);
      await store.close();
      const again = await open();
      expect([...(await again.load([B], T)).keys()]).toEqual([]);
      await again.close();
    });

    it('never keep a key for longer than 32 days', async () => {
      const open = prepare();
      const store = await open();
      await store.save(A, {
        ...cooling,
        state: { ...cooling.state, until: T + 400 * DAY } as never,
      });
      await store.close();
      const again = await open();
      expect((await again.load([A], T)).get(A)?.state).toMatchObject({ until: T + 32 * DAY });
      await again.close();
    });
  });

  describe(`the leases of ${name}`, () => {
    const openFresh = async () => await prepare()();

    it('are taken on the first candidate that has one left', async () => {
      const store = await openFresh();
      const first = await store.reserve([candidate(A, 'ours-1', 1)], terms, T);
      expect(first.taken).toMatchObject({ leaseId: 'ours-1' });
      const both = [candidate(A, 'ours-2', 1), candidate(B, 'ours-3', 1)];
      expect((await store.reserve(both, terms, T)).taken).toBe(both[1]);
      expect((await store.reserve([candidate(A, 'ours-4', 1)], terms, T)).taken).toBeNull();
      expect(await store.inFlight(T)).toEqual(new Map([[A, 1], [B, 1]])); // prettier-ignore
      await store.close();
    });

    it('are without number on a key without a limit', async () => {
      const store = await openFresh();
      for (let lease = 0; lease < 300; lease += 1) {
        await store.reserve([candidate(A, `ours-${lease}`, null)], terms, T);
      }
      expect((await store.inFlight(T)).get(A)).toBe(300);
      await store.close();
    });

    it('never exceed the limit of a key under concurrent requests', async () => {
      const store = await openFresh();
      const asked = Array.from({ length: 50 }, (_, lease) =>
        store.reserve([candidate(A, `ours-${lease}`, 10)], terms, T),
      );
      const taken = (await Promise.all(asked)).filter(({ taken: lease }) => lease !== null);
      expect(taken).toHaveLength(10);
      await store.close();
    });

    it('take no room of the candidates after the one that is taken', async () => {
      const store = await openFresh();
      const [taken, other] = [candidate(A, 'ours-1', 1, [window]), candidate(B, 'ours-2', 1)];
      await store.reserve([taken, other], terms, T);
      expect((await store.inFlight(T)).get(B) ?? 0).toBe(0);
      expect((await store.reserve([taken, other], terms, T)).taken).toBe(other);
      expect(await store.used([window])).toEqual([1]);
      await store.close();
    });

    it('end when they are released', async () => {
      const store = await openFresh();
      await store.reserve([candidate(A, 'ours-1', 1)], terms, T);
      expect(await store.release('ours-1', A, T, false)).toMatchObject({ applied: true });
      expect((await store.reserve([candidate(A, 'ours-2', 1)], terms, T)).taken).not.toBeNull();
      await store.close();
    });

    it('are released once only', async () => {
      const store = await openFresh();
      await store.reserve([candidate(A, 'ours-1', 1)], terms, T);
      await store.release('ours-1', A, T, false);
      expect(await store.release('ours-1', A, T, false)).toMatchObject({ applied: false });
      expect(await store.release('ours-1', A, T + DAY, false)).toMatchObject({ applied: false });
      expect(await store.release('ours-never-given', A, T, false)).toMatchObject({
        applied: false,
      });
      await store.close();
    });

    it('end at their expiry, not a millisecond before', async () => {
      const store = await openFresh();
      await store.reserve([candidate(A, 'ours-1', 1)], terms, T);
      expect((await store.inFlight(terms.expiresAt - 1)).get(A)).toBe(1);
      const next = [candidate(A, 'ours-2', 1)];
      const renewed = { ...terms, expiresAt: T + DAY };
      expect((await store.reserve(next, renewed, terms.expiresAt)).taken).not.toBeNull();
      await store.close();
    });

    it('can be released once after they have expired', async () => {
      const store = await openFresh();
      await store.reserve([candidate(A, 'ours-1', 1)], terms, T);
      expect(await store.release('ours-1', A, T + DAY, false)).toMatchObject({ applied: true });
      expect(await store.release('ours-1', A, T + DAY, false)).toMatchObject({ applied: false });
      await store.close();
    });

    it('can be released once when an earlier life of the service gave them', async () => {
      const store = await openFresh();
      expect(await store.release('old-1', A, T, false)).toMatchObject({ applied: true });
      expect(await store.release('old-1', A, T, false)).toMatchObject({ applied: false });
      await store.close();
    });

    it('end soon when their session does, and no other', async () => {
      const store = await openFresh();
      await store.reserve([candidate(A, 'ours-1', null)], { ...terms, expiresAt: T + DAY }, T);
      await store.reserve(
        [candidate(A, 'ours-2', null)],
        { ...terms, session: 2, expiresAt: T + DAY },
        T,
      );
      await store.shorten(1, T + 5_000);
      expect((await store.inFlight(T + 4_999)).get(A)).toBe(2);
      expect((await store.inFlight(T + 5_000)).get(A)).toBe(1);
      await store.close();
    });

    it('are not made longer when their session ends', async () => {
      const store = await openFresh();
      await store.reserve([candidate(A, 'ours-1', null)], terms, T);
      await store.shorten(1, T + 5_000);
      expect((await store.inFlight(terms.expiresAt)).get(A) ?? 0).toBe(0);
      await store.close();
    });

    it.each([
      ['in force', 'ours-1', T],
      ['expired', 'ours-1', T + 1_000],
      ['of an earlier life', 'old-1', T],
    ])('are in force for a session that still uses them: one %s', async (_name, leaseId, now) => {
      const store = await openFresh();
      await store.reserve([candidate(A, 'ours-1', 1)], terms, T);
      await store.release(leaseId === 'old-1' ? 'ours-1' : '', A, T, false);
      await store.adopt([{ leaseId, keyId: A, expiresAt: T + DAY }], 2, now);
      await store.shorten(1, now);
      expect((await store.inFlight(now)).get(A)).toBe(1);
      expect((await store.reserve([candidate(A, 'ours-2', 1)], terms, now)).taken).toBeNull();
      expect(await store.release(leaseId, A, now, false)).toMatchObject({ applied: true });
      expect(await store.release(leaseId, A, now, false)).toMatchObject({ applied: false });
      expect((await store.inFlight(now)).get(A) ?? 0).toBe(0);
      await store.close();
    });

    it('count beyond the limit when they are in use all the same', async () => {
      const store = await openFresh();
      await store.reserve([candidate(A, 'ours-1', 1)], terms, T);
      await store.adopt([{ leaseId: 'old-1', keyId: A, expiresAt: T + DAY }], 2, T);
      expect((await store.inFlight(T)).get(A)).toBe(2);
      await store.release('ours-1', A, T, false);
      expect((await store.reserve([candidate(A, 'ours-2', 1)], terms, T)).taken).toBeNull();
      await store.close();
    });

    it.each(['ours-1', 'old-1'])('stay ended once they are released: %s', async (leaseId) => {
      const store = await openFresh();
      await store.reserve([candidate(A, 'ours-1', 1)], terms, T);
      await store.release('ours-1', A, T, false);
      await store.release('old-1', A, T, false);
      await store.adopt([{ leaseId, keyId: A, expiresAt: T + DAY }], 2, T);
      expect((await store.inFlight(T)).get(A) ?? 0).toBe(0);
      await store.close();
    });

    it('are not put in force after their own end', async () => {
      const store = await openFresh();
      await store.adopt([{ leaseId: 'old-1', keyId: A, expiresAt: T }], 2, T);
      expect((await store.inFlight(T)).get(A) ?? 0).toBe(0);
      await store.close();
    });
  });

  describe(`the windows of ${name}`, () => {
    const take = (store: StateStore, lease: string, windows = [window], keyId = A) =>
      store.reserve([candidate(keyId, `ours-${lease}`, null, windows)], terms, T);

    it('never exceed their limit under concurrent requests, and name the full window', async () => {
      const store = await prepare()();
      const asked = await Promise.all(['1', '2', '3', '4'].map((lease) => take(store, lease)));
      expect(asked.filter(({ taken }) => taken !== null)).toHaveLength(2);
      expect(asked.at(-1)).toEqual({ taken: null, full: [window] });
      expect(await store.used([window])).toEqual([2]);
      await store.close();
    });

    it('count all or none of those a lease needs', async () => {
      const store = await prepare()();
      const day = { ...window, id: 'account/day', limit: 1 };
      await take(store, '1', [window, day]);
      expect(await take(store, '2', [window, day])).toEqual({ taken: null, full: [day] });
      expect(await store.used([window, day])).toEqual([1, 1]);
      await store.close();
    });

    it('are passed over for the next candidate that has room', async () => {
      const store = await prepare()();
      const full = { ...window, limit: 0 };
      const both = [candidate(A, 'ours-1', null, [full]), candidate(B, 'ours-2', null, [])];
      expect(await store.reserve(both, terms, T)).toEqual({ taken: both[1], full: [full] });
      await store.close();
    });

    it('count without a limit where none is known', async () => {
      const store = await prepare()();
      const unknown = { ...window, limit: null };
      for (let lease = 0; lease < 30; lease += 1) await take(store, String(lease), [unknown]);
      expect(await store.used([unknown])).toEqual([30]);
      await store.close();
    });

    it('keep counting what has ended, save what was never sent', async () => {
      const store = await prepare()();
      await take(store, '1');
      await take(store, '2');
      await store.release('ours-1', A, T, false);
      expect(await store.used([window])).toEqual([2]);
      await store.release('ours-2', A, T, true);
      expect(await store.used([window])).toEqual([1]);
      await store.close();
    });

    it('can be raised, never lowered', async () => {
      const store = await prepare()();
      await store.raise(window, 7);
      await store.raise(window, 3);
      expect(await store.used([window])).toEqual([7]);
      await store.close();
    });

    const SLOT = 'free/account';
    const held = (leaseId: string): Candidate => ({
      ...candidate(A, leaseId, null, [{ ...window, limit: null }]),
      slots: [
        { id: A, limit: null },
        { id: SLOT, limit: null },
      ],
    });

    it('follow what OpenRouter says, down as well as up, below the leases in force and given since', async () => {
      const store = await prepare()();
      for (const lease of ['ours-1', 'ours-2', 'ours-3'])
        await store.reserve([held(lease)], terms, T);
      await store.release('ours-1', A, T, false);
      await store.release('ours-2', A, T, false);
      const snapshot = await store.snapshot(window, SLOT, T);
      expect(snapshot).toEqual({ given: 3, inFlight: 1 });
      if (snapshot === null) return;
      await store.reserve([held('ours-4')], terms, T);
      await store.reconcile(window, 0, snapshot);
      expect(await store.used([window])).toEqual([2]);
      await store.reconcile(window, 40, snapshot);
      await store.reconcile(window, 40, snapshot);
      expect(await store.used([window])).toEqual([42]);
      await store.release('ours-4', A, T, true);
      expect(await store.used([window])).toEqual([41]);
      expect(await store.snapshot(window, SLOT, T)).toEqual({ given: 3, inFlight: 1 });
      await store.close();
    });

    it('keep what was raised apart from the leases that were given', async () => {
      const store = await prepare()();
      await store.reserve([held('ours-1')], terms, T);
      await store.raise(window, 7);
      expect(await store.used([window])).toEqual([7]);
      expect(await store.snapshot(window, SLOT, T)).toEqual({ given: 1, inFlight: 1 });
      await store.close();
    });

    it('move to another account and start at zero', async () => {
      const store = await prepare()();
      const other = { ...window, id: 'other/minute' };
      await store.reserve([held('ours-1')], terms, T);
      await store.raise(other, 3);
      await store.transfer(window, other);
      expect(await store.used([window, other])).toEqual([0, 4]);
      await store.transfer(window, other);
      expect(await store.used([window, other])).toEqual([0, 4]);
      await store.close();
    });

    it('are still counted after a restart', async () => {
      const open = prepare();
      const store = await open();
      await take(store, '1');
      await store.close();
      const again = await open();
      expect(await again.used([window, { ...window, startsAt: T + 60_000 }])).toEqual([1, 0]);
      await again.close();
    });
  });

  describe(`the slots of ${name}`, () => {
    const probe = { id: 'probe/a', limit: 1, untilConfirmed: true };
    const proving = (leaseId: string): Candidate => ({
      ...candidate(A, leaseId, null),
      slots: [{ id: A, limit: null }, probe],
    });

    it('are left by a lease when it is confirmed, but for the key’s own', async () => {
      const store = await prepare()();
      await store.reserve([proving('ours-1')], terms, T);
      expect((await store.reserve([proving('ours-2')], terms, T)).taken).toBeNull();
      expect(await store.confirm('ours-1', T)).toBe(true);
      expect(await store.confirm('ours-1', T)).toBe(false);
      expect((await store.reserve([proving('ours-2')], terms, T)).taken).not.toBeNull();
      expect((await store.inFlight(T)).get(A)).toBe(2);
      await store.close();
    });

    it('tell at its end whether a lease was still to prove its key', async () => {
      const store = await prepare()();
      await store.reserve([proving('ours-1')], terms, T);
      const released = { applied: true, ...about, wasProbe: true };
      expect(await store.release('ours-1', A, T, false)).toEqual(released);
      await store.reserve([proving('ours-2')], terms, T);
      await store.confirm('ours-2', T);
      expect(await store.release('ours-2', A, T, false)).toEqual({ ...released, wasProbe: false });
      await store.close();
    });
  });

  describe(`what keys share in ${name}`, () => {
    it('is there after a restart, the last under each name, and not what was forgotten', async () => {
      const open = prepare();
      const store = await open();
      await store.saveShared('a', '1');
      await Promise.all([store.saveShared('a', '2'), store.saveShared('b', '3')]);
      await store.saveShared('b', null);
      await store.close();
      const again = await open();
      expect(await again.loadShared()).toEqual(new Map([['a', '2']]));
      await again.close();
    });
  });
}
