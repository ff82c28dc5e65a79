import * as z from 'zod';
import { contract, readJson } from '@openrouter-proxy/kms-protocol';
import { subjectId, type Limit, type Subject } from '../limits/limit.ts';
import type { StateStore } from './state-store.ts';

type SharedStore = Pick<StateStore, 'loadShared' | 'saveShared'>;

/** Told of the store's trouble. */
export interface StoreListener {
  /** The store could not be written, though it could be before. */
  onStoreFailed(error: unknown): void;
}

const viewed = contract['service.status'].result.shape.limits.element.shape;
const name = z.string();
/** Failed requests, and clients, that a limit is kept with. */
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
/** What an account was found to be allowed. */
export type LearnedAllowance = z.output<typeof learnt>;

/** What was kept of what keys share. */
export interface SharedState {
  readonly limits: readonly Limit[];
  readonly allowances: readonly (readonly [account: string, LearnedAllowance])[];
}

const LIMIT = 'limit ';
const ALLOWANCE = 'allowance ';

/** What is kept under a name: a limit, or what an account is allowed. */
export type SharedRecord =
  | { readonly kind: 'limit'; readonly limit: Limit }
  | { readonly kind: 'allowance'; readonly account: string; readonly learnt: LearnedAllowance };

/** Reads what is kept under a name; undefined if it is of an unknown form. */
export function readShared(kept: string, json: string): SharedRecord | undefined {
  if (kept.startsWith(LIMIT)) {
    const read = readJson(json, limit);
    return read && { kind: 'limit', limit: read };
  }
  if (!kept.startsWith(ALLOWANCE)) return undefined;
  const read = readJson(json, learnt);
  return read && { kind: 'allowance', account: kept.slice(ALLOWANCE.length), learnt: read };
}

/** The name that a limit, or what an account is allowed, is kept under. */
export const limitName = (subject: Subject) => LIMIT + subjectId(subject);
export const allowanceName = (account: string) => ALLOWANCE + account;

/** Whether a limit stands under its own name. A row of an unknown form may not. */
const isNamedSo = (kept: string, { subject }: Limit) => kept === limitName(subject);

const UPSTREAM = limitName({ scope: 'upstream' });

/** Whether what is kept under a name is about this machine alone: its way to OpenRouter is no other's. */
export const isOfMachine = (kept: string) => kept === UPSTREAM;

/** What a limit that is kept under a name is about; undefined: it is none. */
export function subjectNamed(kept: string): Subject | undefined {
  if (!kept.startsWith(LIMIT)) return undefined;
  return readJson(kept.slice(LIMIT.length), subjectOfId);
}

/** The safe keeping of what keys share: limits, and what accounts are allowed. It counts at once, saved or not. */
export class SharedRecords {
  readonly #store: SharedStore;
  readonly #listener: StoreListener;
  /** What the store could not take, by name. */
  readonly #unsaved = new Map<string, string | null>();

  constructor(store: SharedStore, listener: StoreListener) {
    this.#store = store;
    this.#listener = listener;
  }

  /** Reads what was kept, and forgets the limits that are over. What is of an unknown form is forgotten too. */
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

  /** Keeps a limit, or forgets it. Resolves when it is saved, or could not be. */
  async keepLimit(about: Subject, value: Limit | null): Promise<void> {
    await this.#save(limitName(about), value === null ? null : JSON.stringify(value));
  }

  /** Keeps what an account is allowed. */
  async keepAllowance(account: string, value: LearnedAllowance): Promise<void> {
    await this.#save(allowanceName(account), JSON.stringify(value));
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
