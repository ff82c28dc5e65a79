import { Circuits } from '../circuits/circuits.ts';
import { Contacts } from '../health/contacts.ts';
import { PendingChecks } from '../key-checks/pending-checks.ts';
import { KeyPool } from './key-pool.ts';
import { LimitRegistry } from '../limits/limit-registry.ts';
import { openCore, type PoolDeps, type PoolSettings } from './pool-core.ts';
import { SharedRecords } from '../store/shared-records.ts';

/** Builds a pool around its store, with everything that the store has kept. */
export async function openPool(settings: PoolSettings, parts: PoolDeps): Promise<KeyPool> {
  const { store, clock, listener, random } = parts;
  const records = new SharedRecords(store, listener);
  const kept = await records.load(clock.now());
  const contacts = new Contacts();
  const limits = new LimitRegistry(random, kept.limits);
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
    pendingChecks: new PendingChecks({ keyIds, clock, random }),
    reopen: (changed, before) =>
      openCore(changed, parts, { ...shared, allowances: before.allowances.learnt() }, before),
  });
}
