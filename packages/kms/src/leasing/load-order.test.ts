import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LoadOrder } from './load-order.ts';

it('puts the keys with the fewest leases first', () => {
  const order = new LoadOrder();
  order.keep([0, 1, 2]);
  order.setLoad(0, 2);
  order.setLoad(1, 1);
  expect([...order]).toEqual([2, 1, 0]);
});

it('puts the key that has rested longest first among equals', () => {
  const order = new LoadOrder();
  order.keep([0, 1, 2]);
  order.setLoad(0, 1);
  order.setLoad(0, 0);
  expect([...order]).toEqual([1, 2, 0]);
});

it('remembers the leases of a key that is out of use', () => {
  const order = new LoadOrder();
  order.keep([1]);
  order.setLoad(0, 3);
  order.keep([0, 1]);
  expect([...order]).toEqual([1, 0]);
});

it('is in order, and complete, after any changes', () => {
  const anyChange = fc.oneof(
    fc.record({ key: fc.nat({ max: 9 }), load: fc.nat({ max: 5 }) }),
    fc.record({ usable: fc.uniqueArray(fc.nat({ max: 9 })) }),
  );
  fc.assert(
    fc.property(fc.array(anyChange, { maxLength: 60 }), (changes) => {
      const order = new LoadOrder();
      const loads = new Map<number, number>();
      let usable: number[] = [];
      for (const change of changes) {
        if ('usable' in change) order.keep((usable = change.usable));
        else {
          order.setLoad(change.key, change.load);
          loads.set(change.key, change.load);
        }
        const keys = [...order];
        const inOrder = keys.map((key) => loads.get(key) ?? 0);
        expect(inOrder).toEqual(inOrder.toSorted((a, b) => a - b));
        expect(keys.toSorted()).toEqual(usable.toSorted());
      }
    }),
  );
});
