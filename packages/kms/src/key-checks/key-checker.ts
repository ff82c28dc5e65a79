import type { Finding, KeyCheck, Lease, NoKeyData, Outcome } from '@openrouter-proxy/kms-protocol';
import { MINUTE_MS, type Clock } from '@openrouter-proxy/runtime';
import { freeRequestsOf, type FreeRequestsBefore } from '../accounts/account-findings.ts';
import { isCountedFull, isGuessed, possibleSharers } from './doubts.ts';
import { FirstRound, type CheckListener } from './first-round.ts';
import { upstreamCause } from '../health/causes.ts';
import { CheckTimes } from './check-times.ts';
import {
  contactOfCheck,
  contactOfRequest,
  type Asked,
  type Contact,
  type TroubleKind,
} from '../health/contact.ts';
import type { Change, Contacts } from '../health/contacts.ts';
import type { PendingChecks } from './pending-checks.ts';
import type { PoolKey } from '../keys/key-records.ts';
import type { AllocationRequest } from '../leasing/allocation.ts';
import { leaseIdOf, readLeaseId, type LeaseTokens } from '../leasing/lease-id.ts';
import type { SpendingWatch } from '../usage/spending-watch.ts';
import type { UsageTotals } from '../usage/usage-totals.ts';
import type { CheckedPool, ContactListener, SpendingListener } from './checked-pool.ts';
import type { StateStore } from '../store/state-store.ts';

/** So many keys are asked about for one request that found none. */
const MOST_ASKED = 16;
/** A key that OpenRouter refuses is asked about for clients at most this often. */
const REFUSED_EVERY_MS = 5_000;
/** A key about which something is only guessed is asked about for clients at most this often. */
const GUESSED_EVERY_MS = MINUTE_MS;
/** Reasons that `GET /key` may find to be over. */
const WORTH_ASKING: ReadonlySet<NoKeyData['reason']> = new Set([
  'cooling',
  'keys_refused',
  'disabled',
]);
/** Under this name the checks that are repeated for a wrong clock are counted. */
const CLOCK = 'clock';

/** A check that was handed out last. */
interface LatestCheck {
  readonly leaseId: string;
  readonly since: number;
  readonly freeRequests: FreeRequestsBefore | null;
}

interface Heard {
  readonly trouble: TroubleKind | undefined;
  readonly verdict: KeyCheck['verdict'] | undefined;
}

/** What pendingChecks of a pool's keys go by. */
export interface KeyCheckerDeps {
  readonly core: () => CheckedPool;
  readonly contacts: Contacts;
  readonly pendingChecks: PendingChecks;
  readonly store: StateStore;
  readonly leaseTokens: LeaseTokens;
  readonly usage: UsageTotals;
  readonly spending: SpendingWatch;
  readonly listener: SpendingListener & CheckListener & ContactListener;
  readonly clock: Clock;
  /** A number of [0, 1). */
  readonly random: () => number;
}

/**
 * Has OpenRouter asked about keys (`GET /key`): where what keeps them from serving is only guessed, and
 * for as long as OpenRouter refuses them or cannot be reached.
 */
export class KeyChecker {
  readonly #deps: KeyCheckerDeps;
  readonly #firstRound: FirstRound;
  readonly #times: CheckTimes;
  /** The latest check of each key: what came of an earlier one is ignored. */
  readonly #latest = new Map<string, LatestCheck>();
  /** While OpenRouter cannot be reached, only this key is asked about. */
  #probe: string | null = null;

  constructor(deps: KeyCheckerDeps) {
    this.#deps = deps;
    this.#firstRound = new FirstRound(deps.core().byId.keys());
    this.#times = new CheckTimes(deps.random);
  }

  /** Waits for a key that should be asked about; null if there is none. */
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

  /** Whether a check is the latest of its key. */
  isLatest(leaseId: string): boolean {
    return this.#latest.get(readLeaseId(leaseId).keyId)?.leaseId === leaseId;
  }

  /** Takes in what the latest check of a key found; false if the key is no longer configured. */
  async takeIn(keyId: string, finding: Finding): Promise<boolean> {
    const { contacts, pendingChecks, clock } = this.#deps;
    const { byId, reports } = this.#deps.core();
    const key = byId.get(keyId);
    if (key === undefined) return false;
    const now = clock.now();
    const contact = contactOfCheck(finding);
    if (this.#isOutdated(keyId, contact)) {
      this.#times.note(keyId, 'unanswered', now);
      pendingChecks.repeat(keyId, this.#times.next(keyId, 'unanswered', now));
      return true;
    }
    const heard = this.#heard(keyId);
    const change = contacts.check(keyId, contact, now);
    this.#tellContact(keyId, heard);
    if (finding.kind === 'facts') {
      await reports.checkAnswered(key, finding, this.#latest.get(keyId)?.freeRequests ?? null);
      this.#compareCharges(key, finding.usageDaily);
    } else if (finding.outcome.kind === 'unauthorized') {
      await reports.keyRejected(key, finding.outcome);
    } else if (contact.kind === 'trouble') await reports.checkFailed(key, finding.outcome);
    this.#repeat(key, finding, change, now);
    this.wantIfGuessed(key);
    const tally = this.#firstRound.add(keyId, finding);
    if (tally !== null) this.#deps.listener.onFirstRound(tally);
    return true;
  }

  /** Takes in what a client's request under a key tells of OpenRouter and of the key. */
  observe(keyId: string, outcome: Outcome, asked: Asked): void {
    const { contacts, pendingChecks, clock } = this.#deps;
    const now = clock.now();
    const heard = this.#heard(keyId);
    const change = contacts.request(keyId, contactOfRequest(outcome, asked), now);
    this.#tellContact(keyId, heard);
    if (change === 'ends') this.#askAllDoubtful(now);
    else if (change === 'doubt') pendingChecks.repeat(keyId, this.#times.doubt(now));
    else if (contacts.of(keyId)?.verdict === 'refused' && heard.verdict !== 'refused') {
      pendingChecks.repeat(keyId, this.#times.next(keyId, 'refused', now));
    }
  }

  #heard(keyId: string): Heard {
    const { contacts } = this.#deps;
    return { trouble: contacts.trouble?.kind, verdict: contacts.of(keyId)?.verdict };
  }

  /** Tells of the key if its verdict is another one, and of every key if the trouble is. */
  #tellContact(keyId: string, before: Heard): void {
    const { contacts, core, listener } = this.#deps;
    const { trouble, verdict } = this.#heard(keyId);
    const { byId } = core();
    const key = byId.get(keyId);
    const concerned = trouble === before.trouble && key !== undefined ? [key] : byId.values();
    if (trouble === before.trouble && verdict === before.verdict) return;
    const upstream = upstreamCause({ trouble: contacts.trouble, block: null });
    for (const each of concerned) {
      listener.onContact(each, { check: contacts.of(each.id), upstream });
    }
  }

  /** Has every key asked about at once. */
  askAll(): void {
    const { core, pendingChecks, clock } = this.#deps;
    this.#times.reset();
    for (const keyId of core().byId.keys()) pendingChecks.repeat(keyId, clock.now());
  }

  /** Wants a key to be asked about if what keeps it from serving is only guessed. */
  wantIfGuessed(key: PoolKey): void {
    const { core, pendingChecks, clock } = this.#deps;
    const now = clock.now();
    if (isGuessed(core(), key, now)) pendingChecks.want(key.id, now);
  }

  /** Before the pool is said to be empty, has guesses looked into; whether anything is known now that was not. */
  async learnMore(refusal: NoKeyData): Promise<boolean> {
    if (!WORTH_ASKING.has(refusal.reason)) return false;
    const { core, pendingChecks, clock } = this.#deps;
    const now = clock.now();
    const wanted = core().settings.keys.flatMap((key) => {
      if (this.#isRefused(key, now)) return [{ keyId: key.id, everyMs: REFUSED_EVERY_MS }];
      const isDoubtful = isGuessed(core(), key, now) || isCountedFull(core(), key, now);
      return isDoubtful ? [{ keyId: key.id, everyMs: GUESSED_EVERY_MS }] : [];
    });
    return pendingChecks.askNow(wanted, MOST_ASKED);
  }

  /**
   * Before another key is tried for a request that an account refused, finds out which keys share that
   * account: they would be refused alike.
   */
  async learnAccounts(request: AllocationRequest): Promise<void> {
    const { core, pendingChecks, clock } = this.#deps;
    const unknown = possibleSharers(core(), request, clock.now());
    if (unknown.length === 0) return;
    await pendingChecks.askAllNow(
      unknown.map(({ id }) => ({ keyId: id, everyMs: GUESSED_EVERY_MS })),
    );
  }

  /** Whether a check got no answer although OpenRouter has answered another request since it began. */
  #isOutdated(keyId: string, contact: Contact): boolean {
    if (contact.kind !== 'trouble' || contact.status !== null) return false;
    const { lastAnswerAt } = this.#deps.contacts;
    const since = this.#latest.get(keyId)?.since ?? Infinity;
    return lastAnswerAt !== null && lastAnswerAt > since;
  }

  /** While something is wrong that only a contact can clear, asks again by itself. */
  #repeat(key: PoolKey, finding: Finding, change: Change, now: number): void {
    const { contacts, pendingChecks } = this.#deps;
    if (isGivenUp(finding)) {
      pendingChecks.repeat(key.id, now);
      return;
    }
    const isTrouble = contacts.trouble !== null;
    const verdict = isTrouble ? 'unanswered' : (contacts.of(key.id)?.verdict ?? 'unanswered');
    this.#times.note(key.id, verdict, now);
    if (verdict !== 'accepted' && (!isTrouble || this.#isProbe(key))) {
      pendingChecks.repeat(key.id, this.#times.next(key.id, verdict, now));
    }
    this.#repeatForClock(key, now);
    if (change === 'ends' || this.#isFirstAccepted(key, verdict)) this.#askAllDoubtful(now);
  }

  /** While the clock is wrong, one key is asked about again: the answer's date tells whether it still is. */
  #repeatForClock(key: PoolKey, now: number): void {
    const { contacts, pendingChecks } = this.#deps;
    if (contacts.clockError === null) this.#times.note(CLOCK, 'accepted', now);
    else if (this.#isProbe(key)) {
      this.#times.note(CLOCK, 'unanswered', now);
      pendingChecks.repeat(key.id, this.#times.next(CLOCK, 'unanswered', now));
    }
  }

  /** Whether this is the key with which OpenRouter is tried; it becomes so if no other is. */
  #isProbe({ id }: PoolKey): boolean {
    if (this.#probe === null || !this.#deps.core().byId.has(this.#probe)) this.#probe = id;
    return this.#probe === id;
  }

  /** Whether OpenRouter accepts this key, and refused all that it was asked about before. */
  #isFirstAccepted(key: PoolKey, verdict: KeyCheck['verdict']): boolean {
    if (verdict !== 'accepted') return false;
    const others = [...this.#deps.core().byId.keys()].filter((keyId) => keyId !== key.id);
    const verdicts = others.map((keyId) => this.#deps.contacts.of(keyId)?.verdict);
    return verdicts.length > 0 && verdicts.every((each) => each === 'refused');
  }

  /** OpenRouter answers again: asks about every key that it does not accept, as far as known. */
  #askAllDoubtful(now: number): void {
    const { core, contacts, pendingChecks } = this.#deps;
    this.#probe = null;
    for (const keyId of core().byId.keys()) {
      const verdict = contacts.of(keyId)?.verdict ?? 'unanswered';
      if (verdict === 'accepted') continue;
      pendingChecks.repeat(
        keyId,
        verdict === 'refused' ? now : this.#times.next(keyId, verdict, now),
      );
    }
  }

  /** A key whose charges are not explained by what was spent here is used elsewhere too. */
  #compareCharges(key: PoolKey, charged: number | null): void {
    if (charged === null) return;
    const { usage, spending, listener, clock } = this.#deps;
    const now = clock.now();
    const credits = spending.take(key.id, charged, usage.today(key.id, now), now);
    if (credits !== null) listener.onUnexplained(key, credits);
  }

  /** Whether OpenRouter refuses the key, and no operator has disabled it. */
  #isRefused(key: PoolKey, now: number): boolean {
    const { state } = this.#deps.core().records.of(key, now);
    if ('cause' in state) return state.cause.reason === 'unauthorized';
    return this.#deps.contacts.of(key.id)?.verdict === 'refused';
  }
}

/** Whether a gateway that stops has given the check up. */
function isGivenUp(finding: Finding): boolean {
  return finding.kind === 'failed' && finding.outcome.kind === 'client_abort';
}
