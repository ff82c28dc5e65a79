import { z } from 'zod';
import { contract } from '@openrouter-proxy/kms-protocol';
import type { Limit } from './limit.ts';
import type { StateStore } from './state-store.ts';

/** Told of the store's trouble. */
export interface StoreListener {
  /** The store could not be written, though it could be before. */
  onStoreFailed(error: unknown): void;
}

const viewed = contract['service.status'].result.shape.limits.element.shape;
const name = z.string();

const limit: z.ZodType<Limit> = z.strictObject({
  subject: z.discriminatedUnion('scope', [
    z.strictObject({ scope: z.literal('account'), account: name, pool: viewed.pool }),
    z.strictObject({ scope: z.literal('account-model'), account: name, model: name }),
    z.strictObject({ scope: z.literal('key-model'), keyId: name, model: name }),
    z.strictObject({ scope: z.literal('model'), model: name }),
    z.strictObject({ scope: z.literal('upstream') }),
  ]),
  since: viewed.since,
  until: viewed.until,
  cause: viewed.cause,
  level: z.int().nonnegative(),
});

const learnt = z.strictObject({
  minute: z.int().positive().exactOptional(),
  day: z.int().positive().exactOptional(),
});
type Learnt = z.output<typeof learnt>;

/** What was kept of what keys share. */
export interface SharedState {
  readonly limits: readonly Limit[];
  readonly allowances: readonly (readonly [account: string, Learnt])[];
}

const LIMIT = 'limit ';
const ALLOWANCE = 'allowance ';

/** The safe keeping of what keys share: limits, and what accounts are allowed. It counts at once, saved or not. */
export class SharedRecords {
  readonly #store: StateStore;
  readonly #listener: StoreListener;
  /** What the store could not take, by name. */
  readonly #unsaved = new Map<string, string | null>();

  constructor(store: StateStore, listener: StoreListener) {
    this.#store = store;
    this.#listener = listener;
  }

  /** Reads what was kept, and forgets the limits that are over. What is of an unknown form is forgotten too. */
  async load(now: number): Promise<SharedState> {
    const limits: Limit[] = [];
    const allowances: [string, Learnt][] = [];
    for (const [kept, json] of await this.#store.loadShared()) {
      const value: unknown = JSON.parse(json);
      const asLimit = limit.safeParse(value).data;
      const asLearnt = learnt.safeParse(value).data;
      if (kept.startsWith(LIMIT) && asLimit !== undefined && asLimit.until > now)
        limits.push(asLimit);
      else if (kept.startsWith(ALLOWANCE) && asLearnt !== undefined) {
        allowances.push([kept.slice(ALLOWANCE.length), asLearnt]);
      } else await this.#save(kept, null);
    }
    return { limits, allowances };
  }

  /** Keeps a limit, or forgets it. Resolves when it is saved, or could not be. */
  async keepLimit(id: string, value: Limit | null): Promise<void> {
    await this.#save(LIMIT + id, value === null ? null : JSON.stringify(value));
  }

  /** Keeps what an account is allowed. */
  async keepAllowance(account: string, value: Learnt): Promise<void> {
    await this.#save(ALLOWANCE + account, JSON.stringify(value));
  }

  /** Saves what could not be saved before. Whether the store has everything now. */
  async retrySaves(): Promise<boolean> {
    const unsaved = [...this.#unsaved];
    this.#unsaved.clear();
    await Promise.all(unsaved.map(([kept, json]) => this.#save(kept, json)));
    return this.#unsaved.size === 0;
  }

  async #save(kept: string, json: string | null): Promise<void> {
    try {
      await this.#store.saveShared(kept, json);
    } catch (error) {
      if (this.#unsaved.size === 0) this.#listener.onStoreFailed(error);
      this.#unsaved.set(kept, json);
    }
  }
}
