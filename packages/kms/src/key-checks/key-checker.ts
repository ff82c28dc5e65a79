import type {
  KeyCheckResult,
  KeyCheck,
  Lease,
  NoKeyData,
  Outcome,
} from '@openrouter-proxy/kms-protocol';
import { MINUTE_MS, type Clock } from '@openrouter-proxy/runtime';
import { freeRequestsOf, type FreeRequestsBefore } from '../accounts/account-metadata.ts';
import { isCountedFull, isGuessed, possibleSharers } from './doubts.ts';
import { FirstRound, type CheckListener } from './first-round.ts';
import { upstreamCause } from '../health/causes.ts';
import { CheckRepeats } from './check-repeats.ts';
import {
  contactOfCheck,
  contactOfRequest,
  type Asked,
  type Contact,
  type TroubleKind,
} from '../health/contact.ts';
import type { Contacts } from '../health/contacts.ts';
import type { PendingChecks } from './pending-checks.ts';
import type { PoolKey } from '../keys/key-records.ts';
import type { AllocationRequest } from '../leasing/allocation.ts';
import { leaseIdOf, readLeaseId, type LeaseTokens } from '../leasing/lease-id.ts';
import type { SpendingWatch } from '../usage/spending-watch.ts';
import type { UsageTotals } from '../usage/usage-totals.ts';
import type { CheckedPool, ContactListener, SpendingListener } from './checked-pool.ts';
import type { StateStore } from '../store/state-store.ts';

/** The most keys that are checked for one request that got no key. */
const MAX_CHECKED = 16;
/** Clients have a rejected key checked at most this often. */
const REJECTED_EVERY_MS = 5_000;
/** Clients have a guess about a key checked at most this often. */
const GUESSED_EVERY_MS = MINUTE_MS;
/** Refusals that the answer to `GET /key` may end. */
const CHECKABLE: ReadonlySet<NoKeyData['reason']> = new Set([
  'cooling',
  'keys_refused',
  'disabled',
]);

/** The latest check of a key. */
interface LatestCheck {
  readonly leaseId: string;
  readonly since: number;
  readonly freeRequests: FreeRequestsBefore | null;
}

/** What the last contacts say of OpenRouter and of one key. */
interface LastContact {
  readonly trouble: TroubleKind | undefined;
  readonly verdict: KeyCheck['verdict'] | undefined;
}

/** Collaborators of KeyChecker. */
export interface KeyCheckerDeps {
  readonly core: () => CheckedPool;
  readonly contacts: Contacts;
  readonly pendingChecks: PendingChecks;
  readonly store: Pick<StateStore, 'snapshot'>;
  readonly leaseTokens: LeaseTokens;
  readonly usage: UsageTotals;
  readonly spending: SpendingWatch;
  readonly listener: SpendingListener & CheckListener & ContactListener;
  readonly clock: Clock;
  /** Returns a number in [0, 1). */
  readonly random: () => number;
}

/**
 * Has gateways check keys with `GET /key`, and applies the results. A key is checked when its limit is
 * a guess, and while OpenRouter rejects it or cannot be reached.
 */
export class KeyChecker {
  readonly #deps: KeyCheckerDeps;
  readonly #firstRound: FirstRound;
  readonly #repeats: CheckRepeats;
  /** The result of an earlier check of a key is ignored. */
  readonly #latest = new Map<string, LatestCheck>();

  constructor(deps: KeyCheckerDeps) {
    this.#deps = deps;
    this.#firstRound = new FirstRound(deps.core().byId.keys());
    this.#repeats = new CheckRepeats({ ...deps, keyIds: () => deps.core().byId.keys() });
  }

  /** Waits until a key is due for a check; null if none was. */
  async take(session: number, waitMs: number): Promise<Lease | null> {
    const { core, pendingChecks, leaseTokens, clock, store } = this.#deps;
    const keyId = await pendingChecks.take(session, waitMs);
    const { byId, records, settings } = core();
    const key = keyId === null ? undefined : byId.get(keyId);
    if (key === undefined) return null;
    const now = clock.now();
    const leaseId = leaseIdOf(key.id, records.of(key, now).generation, leaseTokens.next());
    for (const known of this.#latest.keys()) if (!byId.has(known)) this.#latest.delete(known);
    const freeRequests = await freeRequestsOf({ ...core(), store }, key, now);
    this.#latest.set(key.id, { leaseId, since: now, freeRequests });
    return {
      leaseId,
      keyId: key.id,
      keyName: key.name,
      account: records.accountOf(key),
      probe: false,
      queuedMs: 0,
      secret: key.secret.reveal(),
      expiresAt: now + settings.leaseTtlMs,
    };
  }

  /** Whether a lease belongs to the latest check of its key. */
  isLatest(leaseId: string): boolean {
    return this.#latest.get(readLeaseId(leaseId).keyId)?.leaseId === leaseId;
  }

  /** Applies the result of the latest check of a key; false if the key is no longer configured. */
  async apply(keyId: string, result: KeyCheckResult): Promise<boolean> {
    const { contacts, pendingChecks, clock } = this.#deps;
    const { byId, reports } = this.#deps.core();
    const key = byId.get(keyId);
    if (key === undefined) return false;
    const now = clock.now();
    const contact = contactOfCheck(result);
    if (this.#isOutdated(keyId, contact)) {
      this.#repeats.afterOutdated(keyId, now);
      return true;
    }
    const before = this.#lastContact(keyId);
    const change = contacts.check(keyId, contact, now);
    this.#reportContact(keyId, before);
    if (result.kind === 'facts') {
      await reports.checkAnswered(key, result, this.#latest.get(keyId)?.freeRequests ?? null);
      this.#compareCharges(key, result.usageDaily);
    } else if (result.outcome.kind === 'unauthorized') {
      await reports.keyRejected(key, result.outcome);
    } else if (contact.kind === 'trouble') await reports.checkFailed(key, result.outcome);
    if (isCancelled(result)) pendingChecks.repeat(keyId, now);
    else this.#repeats.afterCheck(keyId, change, now);
    this.requestIfGuessed(key);
    const tally = this.#firstRound.add(keyId, result);
    if (tally !== null) this.#deps.listener.onFirstRound(tally);
    return true;
  }

  /** Notes what a client's request under a key says of OpenRouter and of the key. */
  observe(keyId: string, outcome: Outcome, asked: Asked): void {
    const { contacts, clock } = this.#deps;
    const now = clock.now();
    const before = this.#lastContact(keyId);
    const change = contacts.request(keyId, contactOfRequest(outcome, asked), now);
    this.#reportContact(keyId, before);
    if (change === 'ends') this.#repeats.checkDoubtful(now);
    else if (change === 'doubt') this.#repeats.afterDoubt(keyId, now);
    else if (contacts.of(keyId)?.verdict === 'refused' && before.verdict !== 'refused') {
      this.#repeats.afterRejection(keyId, now);
    }
  }

  #lastContact(keyId: string): LastContact {
    const { contacts } = this.#deps;
    return { trouble: contacts.trouble?.kind, verdict: contacts.of(keyId)?.verdict };
  }

  /** Reports a changed verdict for the key, and a changed trouble of OpenRouter for every key. */
  #reportContact(keyId: string, before: LastContact): void {
    const { contacts, core, listener } = this.#deps;
    const { trouble, verdict } = this.#lastContact(keyId);
    const { byId } = core();
    const key = byId.get(keyId);
    const concerned = trouble === before.trouble && key !== undefined ? [key] : byId.values();
    if (trouble === before.trouble && verdict === before.verdict) return;
    const upstream = upstreamCause({ trouble: contacts.trouble, block: null });
    for (const each of concerned) {
      listener.onContact(each, { check: contacts.of(each.id), upstream });
    }
  }

  /** Checks every key at once. */
  checkAll(): void {
    this.#repeats.checkAll(this.#deps.clock.now());
  }

  /** Requests a check of a key if its limit is only a guess. */
  requestIfGuessed(key: PoolKey): void {
    const { core, pendingChecks, clock } = this.#deps;
    const now = clock.now();
    if (isGuessed(core(), key, now)) pendingChecks.request(key.id, now);
  }

  /** Checks guesses before a request is refused. Returns whether any key was checked. */
  async checkGuesses(refusal: NoKeyData): Promise<boolean> {
    if (!CHECKABLE.has(refusal.reason)) return false;
    const { core, pendingChecks, clock } = this.#deps;
    const now = clock.now();
    const wanted = core().settings.keys.flatMap((key) => {
      if (this.#isRefused(key, now)) return [{ keyId: key.id, everyMs: REJECTED_EVERY_MS }];
      const isDoubtful = isGuessed(core(), key, now) || isCountedFull(core(), key, now);
      return isDoubtful ? [{ keyId: key.id, everyMs: GUESSED_EVERY_MS }] : [];
    });
    return pendingChecks.checkAny(wanted, MAX_CHECKED);
  }

  /**
   * Finds out which keys share the account that refused a request, before another key is tried: the
   * account would refuse those too.
   */
  async checkAccounts(request: AllocationRequest): Promise<void> {
    const { core, pendingChecks, clock } = this.#deps;
    const unknown = possibleSharers(core(), request, clock.now());
    if (unknown.length === 0) return;
    await pendingChecks.checkEach(
      unknown.map(({ id }) => ({ keyId: id, everyMs: GUESSED_EVERY_MS })),
    );
  }

  /** Whether OpenRouter answered another request after an unanswered check began. */
  #isOutdated(keyId: string, contact: Contact): boolean {
    if (contact.kind !== 'trouble' || contact.status !== null) return false;
    const { lastAnswerAt } = this.#deps.contacts;
    const since = this.#latest.get(keyId)?.since ?? Infinity;
    return lastAnswerAt !== null && lastAnswerAt > since;
  }

  /** Reports charges that this service did not cause: the key is used elsewhere too. */
  #compareCharges(key: PoolKey, charged: number | null): void {
    if (charged === null) return;
    const { usage, spending, listener, clock } = this.#deps;
    const now = clock.now();
    const credits = spending.take(key.id, charged, usage.today(key.id, now), now);
    if (credits !== null) listener.onUnexplained(key, credits);
  }

  /** Whether OpenRouter rejects the key, and no operator has disabled it. */
  #isRefused(key: PoolKey, now: number): boolean {
    const { state } = this.#deps.core().records.of(key, now);
    if ('cause' in state) return state.cause.reason === 'unauthorized';
    return this.#deps.contacts.of(key.id)?.verdict === 'refused';
  }
}

/** Whether a stopping gateway has cancelled the check. */
function isCancelled(result: KeyCheckResult): boolean {
  return result.kind === 'failed' && result.outcome.kind === 'client_abort';
}
