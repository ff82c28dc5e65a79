import type { PoolKey } from '../keys/key-records.ts';
import { LoadOrder } from './load-order.ts';
import type { RequestPool } from '../limits/model-pool.ts';

/** The keys by their number of leases, for each pool of models. */
export type LoadOrders = Readonly<Record<RequestPool, LoadOrder>>;

/** How many leases each key has, as the store tells it, in the order in which `least-busy` wants the keys. */
export class LeaseLoads {
  readonly #counts = new Map<string, number>();
  #positions: ReadonlyMap<string, number> = new Map();
  #orders: LoadOrders = { free: new LoadOrder(), paid: new LoadOrder() };

  /** What the store tells. */
  readonly onInFlight = (slotId: string, count: number): void => {
    if (count === 0) this.#counts.delete(slotId);
    else this.#counts.set(slotId, count);
    this.#set(slotId, count);
  };

  /** Orders these keys from now on. */
  orderOf(keys: readonly PoolKey[]): LoadOrders {
    this.#positions = new Map(keys.map(({ id, position }) => [id, position]));
    this.#orders = { free: new LoadOrder(), paid: new LoadOrder() };
    for (const [slotId, count] of this.#counts) this.#set(slotId, count);
    return this.#orders;
  }

  #set(slotId: string, count: number): void {
    const position = this.#positions.get(slotId);
    if (position === undefined) return;
    this.#orders.free.setLoad(position, count);
    this.#orders.paid.setLoad(position, count);
  }
}
