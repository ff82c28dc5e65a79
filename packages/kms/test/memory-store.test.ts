import { memoryStore } from './support/memory-store.ts';
import { describeStateStore } from './support/state-store-conformance.ts';

describeStateStore('the store of the tests', () => {
  const kept = new Map<string, string>();
  const isOfThisLife = (leaseId: string) => leaseId.startsWith('ours');
  return () => memoryStore({ isOfThisLife, onInFlight: () => undefined }, kept);
});
