import type { PoolKey } from '../keys/key-records.ts';
import { poolOf, type RequestPool } from '../limits/model-pool.ts';
import { ConversationAccounts } from './conversation-accounts.ts';
import type { Eligibility, KeysAndLimits } from './eligibility.ts';
import type { KeyLoads } from './lease-loads.ts';
import type { ModelAccess, TriedKeys } from './model-access.ts';
import { isOfPinnedAccount } from './pinned-account.ts';
import { ranked, type Selection } from './ranking.ts';

/** Collaborators of KeyOrder. */
export interface KeyOrderDeps extends KeysAndLimits {
  readonly eligibility: Eligibility;
  readonly access: ModelAccess;
  readonly selection: Selection;
  readonly loads: KeyLoads;
  /** Returns a number in [0, 1). */
  readonly random: () => number;
}

/** A request that needs a key. */
export interface OrderedRequest extends TriedKeys {
  /** The conversation of the request; null if the client names none. */
  readonly affinity: string | null;
  /** The only account that can serve the request; null: any account can. */
  readonly account: string | null;
}

/** Orders the keys that may serve a request. Reading the order changes nothing. */
export class KeyOrder {
  readonly #deps: KeyOrderDeps;
  #accounts: { readonly version: number; readonly order: ConversationAccounts } | undefined;

  constructor(deps: KeyOrderDeps) {
    this.#deps = deps;
  }

  /**
   * Yields the keys that are neither tried nor limited, the best first. `last` is the position of the
   * last used key. Keys whose account settings exclude the model come only where no other key can
   * serve: the settings may have changed.
   */
  for(request: OrderedRequest, last: number, now: number): Iterable<PoolKey> {
    const { limits, access } = this.#deps;
    const { model } = request;
    const keys = this.#unlimited(request, last, now);
    if (model === null || !limits.concernsModel(model)) return keys;
    const all = [...keys];
    const allowed = all.filter((key) => !access.isExcludedByAccount(key, model, now));
    return allowed.length > 0 ? allowed : all;
  }

  /** Names the rule that put a key first. */
  ruleFor(key: PoolKey, affinity: string | null, last: number): string {
    const { strategy, same, affinity: isKept } = this.#deps.selection;
    if (isKept && affinity !== null) return 'affinity';
    return same && key.position === last ? 'same' : strategy;
  }

  *#unlimited(
    request: OrderedRequest,
    last: number,
    now: number,
  ): Generator<PoolKey, void, undefined> {
    const { model, exclude, account } = request;
    const { keys, records, access } = this.#deps;
    const tried = new Set(exclude);
    const isRefused = access.refusing(request, now);
    const isPinned = isOfPinnedAccount(keys, records, account);
    for (const position of this.#positions(request, last, now)) {
      const key = keys[position];
      if (key === undefined || tried.has(key.id) || isRefused(key) || !isPinned(key)) continue;
      if (access.limitEnd(key, model, now) === 0) yield key;
    }
  }

  #positions({ model, affinity }: OrderedRequest, last: number, now: number): Iterable<number> {
    const { eligibility, selection, loads, random } = this.#deps;
    const pool = poolOf(model);
    if (selection.affinity && affinity !== null) return this.#byAccount(affinity, pool, now);
    const { usable } = eligibility.of(pool, now);
    return ranked(selection, { usable, last, loads, random });
  }

  /** Yields the usable keys, those of the conversation's account first. */
  *#byAccount(
    conversation: string,
    pool: RequestPool,
    now: number,
  ): Generator<number, void, undefined> {
    const { records, eligibility } = this.#deps;
    const version = records.accountsVersion;
    if (this.#accounts?.version !== version) {
      this.#accounts = { version, order: new ConversationAccounts(records.accounts().keys()) };
    }
    for (const account of this.#accounts.order.for(conversation)) {
      for (const key of records.accounts().get(account) ?? []) {
        if (eligibility.blockedUntil(key, pool, now) === 0) yield key.position;
      }
    }
  }
}
