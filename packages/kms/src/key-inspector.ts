import type { Finding, Lease, NoKeyData } from '@openrouter-proxy/kms-protocol';
import type { Clock } from '@openrouter-proxy/runtime';
import { FirstRound, type InspectionListener } from './first-round.ts';
import type { Inspections } from './inspections.ts';
import type { PoolKey } from './key-records.ts';
import { leaseIdOf, type LeaseTokens } from './lease-id.ts';
import type { SpendingWatch } from './ledger/spending-watch.ts';
import type { UsageTotals } from './ledger/usage-totals.ts';
import { isGuess } from './limit.ts';
import type { PoolCore, SpendingListener } from './pool-core.ts';

/** So many keys are asked about for one request that found none. */
const MOST_ASKED = 16;

/** What inspections of a pool's keys go by. */
export interface KeyInspectorOptions {
  readonly core: () => PoolCore;
  readonly inspections: Inspections;
  readonly leaseTokens: LeaseTokens;
  readonly usage: UsageTotals;
  readonly spending: SpendingWatch;
  readonly listener: SpendingListener & InspectionListener;
  readonly clock: Clock;
}

/** Has OpenRouter asked about keys (`GET /key`), above all where what keeps them from serving is only guessed. */
export class KeyInspector {
  readonly #options: KeyInspectorOptions;
  readonly #firstRound: FirstRound;

  constructor(options: KeyInspectorOptions) {
    this.#options = options;
    this.#firstRound = new FirstRound(options.core().byId.keys());
  }

  /** Waits for a key that should be asked about; null if there is none. */
  async take(session: number, waitMs: number): Promise<Lease | null> {
    const { core, inspections, leaseTokens, clock } = this.#options;
    const keyId = await inspections.take(session, waitMs);
    const { byId, records, settings } = core();
    const key = keyId === null ? undefined : byId.get(keyId);
    if (key === undefined) return null;
    const now = clock.now();
    return {
      leaseId: leaseIdOf(key.id, records.of(key, now).generation, leaseTokens.next()),
      keyId: key.id,
      keyName: key.name,
      account: records.accountOf(key),
      probe: false,
      queuedMs: 0,
      secret: key.secret.reveal(),
      expiresAt: now + settings.leaseTtlMs,
    };
  }

  /** Takes in what came of asking about a key; false if it is no longer configured. */
  async takeIn(keyId: string, finding: Finding): Promise<boolean> {
    const { byId, reports } = this.#options.core();
    const key = byId.get(keyId);
    if (key === undefined) return false;
    if (finding.kind === 'facts') {
      await reports.inspected(key, finding);
      this.#compareCharges(key, finding.usageDaily);
    } else if (finding.outcome.kind === 'unauthorized') {
      await reports.disowned(key, finding.outcome);
    }
    this.wantIfGuessed(key);
    const tally = this.#firstRound.add(keyId, finding);
    if (tally !== null) this.#options.listener.onFirstRound(tally);
    return true;
  }

  /** Wants a key to be asked about if what keeps it from serving is only guessed. */
  wantIfGuessed(key: PoolKey): void {
    const { inspections, clock } = this.#options;
    const now = clock.now();
    if (this.#isGuessed(key, now)) inspections.want(key.id, now);
  }

  /** Before the pool is said to be empty, has guesses looked into; whether anything is known now that was not. */
  async learnMore(refusal: NoKeyData): Promise<boolean> {
    if (refusal.reason !== 'cooling' && refusal.reason !== 'keys_refused') return false;
    const { core, inspections, clock } = this.#options;
    const now = clock.now();
    const guessed = core().settings.keys.filter((key) => this.#isGuessed(key, now));
    const keyIds = guessed.slice(0, MOST_ASKED).map(({ id }) => id);
    return keyIds.length > 0 && inspections.askNow(keyIds);
  }

  /** A key whose charges are not explained by what was spent here is used elsewhere too. */
  #compareCharges(key: PoolKey, charged: number | null): void {
    if (charged === null) return;
    const { usage, spending, listener, clock } = this.#options;
    const now = clock.now();
    const credits = spending.take(key.id, charged, usage.today(key.id, now), now);
    if (credits !== null) listener.onUnexplained(key, credits);
  }

  #isGuessed(key: PoolKey, now: number): boolean {
    const { records, limits } = this.#options.core();
    const { state } = records.of(key, now);
    if (state.kind === 'cooling') return isGuess(state.cause);
    const account = records.accountOf(key);
    const limit = limits.on({ scope: 'account', account, pool: 'free' }, now);
    return limit !== undefined && isGuess(limit.cause);
  }
}
