import { Circuits } from './circuits.ts';
import { Contacts } from './health/contacts.ts';
import { Inspections } from './inspections.ts';
import { KeyPool } from './key-pool.ts';
import { LimitBook } from './limit-book.ts';
import { openCore, type PoolParts, type PoolSettings } from './pool-core.ts';
import { SharedRecords } from './shared-records.ts';

/** Puts a pool together around its store, with what that has kept. */
export async function openPool(settings: PoolSettings, parts: PoolParts): Promise<KeyPool> {
  const { store, clock, listener, random } = parts;
  const records = new SharedRecords(store, listener);
  const kept = await records.load(clock.now());
  const contacts = new Contacts();
  const limits = new LimitBook(random, kept.limits);
  const shared = {
    contacts,
    records,
    limits,
    circuits: new Circuits(limits, random),
    allowances: kept.allowances,
  };
  const core = await openCore(settings, parts, shared);
  const keyIds = settings.keys.map(({ id }) => id);
  return new KeyPool({
    ...parts,
    core,
    contacts,
    inspections: new Inspections({ keyIds, clock, random }),
    reopen: (changed, before) =>
      openCore(changed, parts, { ...shared, allowances: before.allowances.learnt() }, before),
  });
}
