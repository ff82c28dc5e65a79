import type { NoKeyData } from '@openrouter-proxy/kms-protocol';
import { KEYS_REFUSED, type CircuitAdmission } from '../circuits/circuit-admission.ts';
import type { Contacts } from '../health/contacts.ts';
import type { PoolKey } from '../keys/key-records.ts';
import { poolOf } from '../limits/model-pool.ts';
import { commonReason, purposeOf } from '../selection/blockers.ts';
import type { Eligibility, KeysAndLimits } from '../selection/eligibility.ts';
import type { ModelAccess } from '../selection/model-access.ts';
import { isOfPinnedAccount } from '../selection/pinned-account.ts';
import type { AllocationRequest } from './allocation.ts';
import { refusalOf } from './refusal.ts';

/** Collaborators of Refusals. */
export interface RefusalDeps extends KeysAndLimits {
  readonly admission: CircuitAdmission;
  readonly contacts: Contacts;
  readonly eligibility: Eligibility;
  readonly access: ModelAccess;
}

/** No key of the account that must serve the request is configured any more. */
const ACCOUNT_ABSENT: NoKeyData = { reason: 'account_absent', retryAfterMs: null };

/** Says why a request gets no key. */
export class Refusals {
  readonly #deps: RefusalDeps;

  constructor(deps: RefusalDeps) {
    this.#deps = deps;
  }

  /** The reason that applies to every key, such as an open circuit breaker; undefined if there is none. */
  ofEveryKey(request: AllocationRequest, now: number): NoKeyData | undefined {
    const { admission, access } = this.#deps;
    return admission.refusal(request, now) ?? access.refusal(request, now);
  }

  /** The reason for a request that no key can serve. */
  of(request: AllocationRequest, now: number): NoKeyData {
    const { keys: all, records } = this.#deps;
    const keys = all.filter(isOfPinnedAccount(all, records, request.account));
    const ofEveryKey = this.ofEveryKey(request, now);
    if (ofEveryKey !== undefined) return ofEveryKey;
    if (keys.length === 0 && request.account !== null) return ACCOUNT_ABSENT;
    const refusal = refusalOf(this.#statuses(keys, request, now), now);
    const mayBeUnauthorized = refusal.reason === 'cooling' || refusal.reason === 'exhausted';
    if (mayBeUnauthorized && keys.every((key) => this.#isUnauthorized(key, now))) {
      return KEYS_REFUSED;
    }
    if (refusal.reason !== 'cooling') return refusal;
    const because = commonReason(this.#deps, keys, purposeOf(request.model), now);
    return because === undefined ? refusal : { ...refusal, because };
  }

  /** The tried keys that can serve now. The other tried keys may be tried again once they can. */
  stillTried({ model, exclude }: AllocationRequest, now: number): string[] {
    const tried = new Set(exclude);
    return this.#deps.keys
      .filter((key) => tried.has(key.id) && this.#blockedUntil(key, model, now) <= now)
      .map(({ id }) => id);
  }

  #statuses(keys: readonly PoolKey[], request: AllocationRequest, now: number) {
    const { access } = this.#deps;
    const tried = new Set(request.exclude);
    const isRefused = access.refusing(request, now);
    return keys.map((key) =>
      isRefused(key)
        ? { blockedUntil: 0, isTried: true }
        : { blockedUntil: this.#blockedUntil(key, request.model, now), isTried: tried.has(key.id) },
    );
  }

  /** Whether OpenRouter rejected the key with 401. */
  #isUnauthorized(key: PoolKey, now: number): boolean {
    const { records, contacts } = this.#deps;
    const { state } = records.of(key, now);
    const isSetAside = 'cause' in state && state.cause.reason === 'unauthorized';
    return isSetAside || contacts.of(key.id)?.verdict === 'refused';
  }

  #blockedUntil(key: PoolKey, model: string | null, now: number): number {
    const { eligibility, access } = this.#deps;
    const until = eligibility.blockedUntil(key, poolOf(model), now);
    return Math.max(until, access.limitEnd(key, model, now));
  }
}
