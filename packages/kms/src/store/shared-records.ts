import * as z from 'zod';
import { contract, readJson } from '@openrouter-proxy/kms-protocol';
import { subjectId, type Limit, type Subject } from '../limits/limit.ts';
import type { StateStore } from './state-store.ts';

type SharedStore = Pick<StateStore, 'loadShared' | 'saveShared'>;

/** Receives failures of the store. */
export interface StoreListener {
  /** The store cannot be written any more. */
  onStoreFailed(error: unknown): void;
}

const viewed = contract['service.status'].result.shape.limits.element.shape;
const name = z.string();
/** The most failed requests and clients that are stored with a limit. */
const MAX_EVIDENCE = 64;

const subject = z.discriminatedUnion('scope', [
  z.strictObject({ scope: z.literal('account'), account: name, pool: viewed.pool }),
  z.strictObject({ scope: z.literal('account-model'), account: name, model: name }),
  z.strictObject({ scope: z.literal('key-model'), keyId: name, model: name }),
  z.strictObject({ scope: z.literal('model'), model: name }),
  z.strictObject({ scope: z.literal('upstream') }),
]);

/** The counterpart of `subjectId`. */
const subjectOfId = z.union([
  z
    .tuple([z.literal('account'), name, viewed.pool])
    .transform(([scope, account, pool]): Subject => ({ scope, account, pool })),
  z
    .tuple([z.literal('account-model'), name, name])
    .transform(([scope, account, model]): Subject => ({ scope, account, model })),
  z
    .tuple([z.literal('key-model'), name, name])
    .transform(([scope, keyId, model]): Subject => ({ scope, keyId, model })),
  z.tuple([z.literal('model'), name]).transform(([scope, model]): Subject => ({ scope, model })),
  z.tuple([z.literal('upstream')]).transform(([scope]): Subject => ({ scope })),
]);

const limit: z.ZodType<Limit> = z.strictObject({
  subject,
  since: viewed.since,
  until: viewed.until,
  cause: viewed.cause,
  level: z.int().nonnegative(),
  evidence: z
    .strictObject({
      requests: z.int().nonnegative().max(MAX_EVIDENCE),
      clients: z.array(name).max(MAX_EVIDENCE),
    })
    .exactOptional(),
});

const learnt = z.strictObject({
  minute: z.int().nonnegative().exactOptional(),
  day: z.int().nonnegative().exactOptional(),
});
/** The allowance that OpenRouter has stated for an account. */
export type LearnedAllowance = z.output<typeof learnt>;

/** The stored state that keys share. */
export interface SharedState {
  readonly limits: readonly Limit[];
  readonly allowances: readonly (readonly [account: string, LearnedAllowance])[];
}

const LIMIT = 'limit ';
const ALLOWANCE = 'allowance ';

/** A stored record: a limit, or an account's allowance. */
export type SharedRecord =
  | { readonly kind: 'limit'; readonly limit: Limit }
  | { readonly kind: 'allowance'; readonly account: string; readonly learnt: LearnedAllowance };

/** Reads a stored record; undefined if it has an unknown form. */
export function readShared(kept: string, json: string): SharedRecord | undefined {
  if (kept.startsWith(LIMIT)) {
    const read = readJson(json, limit);
    return read && { kind: 'limit', limit: read };
  }
  if (!kept.startsWith(ALLOWANCE)) return undefined;
  const read = readJson(json, learnt);
  return read && { kind: 'allowance', account: kept.slice(ALLOWANCE.length), learnt: read };
}

/** The names under which limits and allowances are stored. */
export const limitName = (subject: Subject) => LIMIT + subjectId(subject);
export const allowanceName = (account: string) => ALLOWANCE + account;

/** Whether a limit is stored under its own name. */
const isNamedSo = (kept: string, { subject }: Limit) => kept === limitName(subject);

const UPSTREAM = limitName({ scope: 'upstream' });

/**
 * Whether a record concerns only this machine: each machine has its own connection to OpenRouter.
 */
export const isOfMachine = (kept: string) => kept === UPSTREAM;

/** The subject of a stored limit, by its name; undefined for another record. */
export function subjectNamed(kept: string): Subject | undefined {
  if (!kept.startsWith(LIMIT)) return undefined;
  return readJson(kept.slice(LIMIT.length), subjectOfId);
}

/** Stores the limits and allowances that keys share. They count at once, saved or not. */
export class SharedRecords {
  readonly #store: SharedStore;
  readonly #listener: StoreListener;
  /** Records that could not be saved, by name. */
  readonly #unsaved = new Map<string, string | null>();

  constructor(store: SharedStore, listener: StoreListener) {
    this.#store = store;
    this.#listener = listener;
  }

  /** Loads the stored records. Deletes limits that are over, and records of an unknown form. */
  async load(now: number): Promise<SharedState> {
    const limits: Limit[] = [];
    const allowances: [string, LearnedAllowance][] = [];
    for (const [kept, json] of await this.#store.loadShared()) {
      const read = readShared(kept, json);
      if (read?.kind === 'limit' && isNamedSo(kept, read.limit) && read.limit.until > now) {
        limits.push(read.limit);
      } else if (read?.kind === 'allowance') allowances.push([read.account, read.learnt]);
      else await this.#save(kept, null);
    }
    return { limits, allowances };
  }

  /** Stores a limit, or deletes it. Resolves when it is saved, or could not be. */
  async keepLimit(about: Subject, value: Limit | null): Promise<void> {
    await this.#save(limitName(about), value === null ? null : JSON.stringify(value));
  }

  /** Stores an account's allowance. */
  async keepAllowance(account: string, value: LearnedAllowance): Promise<void> {
    await this.#save(allowanceName(account), JSON.stringify(value));
  }

  /** Retries failed saves. Returns whether everything is saved. */
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
