import type { KeyCheck } from '@openrouter-proxy/kms-protocol';
import type { Change, Contacts } from '../health/contacts.ts';
import { CheckTimes } from './check-times.ts';
import type { PendingChecks } from './pending-checks.ts';

/** Checks that are repeated because the clock is wrong are counted under this name. */
const CLOCK = 'clock';

/** Collaborators of CheckRepeats. */
export interface CheckRepeatsDeps {
  readonly keyIds: () => Iterable<string>;
  readonly contacts: Contacts;
  readonly pendingChecks: Pick<PendingChecks, 'repeat'>;
  /** Returns a number in [0, 1). */
  readonly random: () => number;
}

/**
 * Repeats checks of keys while OpenRouter rejects a key, cannot be reached, or this machine's clock is
 * wrong. During an outage of OpenRouter it checks only one key, the probe.
 */
export class CheckRepeats {
  readonly #deps: CheckRepeatsDeps;
  readonly #times: CheckTimes;
  #probe: string | null = null;

  constructor(deps: CheckRepeatsDeps) {
    this.#deps = deps;
    this.#times = new CheckTimes(deps.random);
  }

  /** Schedules the next check after an answer, or the lack of one. */
  afterCheck(keyId: string, change: Change, now: number): void {
    const { contacts } = this.#deps;
    const isTrouble = contacts.trouble !== null;
    const verdict = isTrouble ? 'unanswered' : (contacts.of(keyId)?.verdict ?? 'unanswered');
    this.#times.note(keyId, verdict, now);
    if (verdict !== 'accepted' && (!isTrouble || this.#isProbe(keyId))) {
      this.#repeat(keyId, verdict, now);
    }
    this.#repeatForClock(keyId, now);
    if (change === 'ends' || this.#isFirstAccepted(keyId, verdict)) this.checkDoubtful(now);
  }

  /** Schedules the next check after an answer that is older than another answer of OpenRouter. */
  afterOutdated(keyId: string, now: number): void {
    this.#times.note(keyId, 'unanswered', now);
    this.#repeat(keyId, 'unanswered', now);
  }

  /** Schedules the next check after a client's request was rejected with 401. */
  afterRejection(keyId: string, now: number): void {
    this.#repeat(keyId, 'refused', now);
  }

  /** Schedules a check after a request that failed for an unknown reason. */
  afterDoubt(keyId: string, now: number): void {
    this.#deps.pendingChecks.repeat(keyId, this.#times.doubt(now));
  }

  /** Checks every key at once. */
  checkAll(now: number): void {
    this.#times.reset();
    for (const keyId of this.#deps.keyIds()) this.#deps.pendingChecks.repeat(keyId, now);
  }

  /** Checks every key that OpenRouter is not known to accept: OpenRouter answers again. */
  checkDoubtful(now: number): void {
    const { contacts, pendingChecks, keyIds } = this.#deps;
    this.#probe = null;
    for (const keyId of keyIds()) {
      const verdict = contacts.of(keyId)?.verdict ?? 'unanswered';
      if (verdict === 'refused') pendingChecks.repeat(keyId, now);
      else if (verdict === 'unanswered') this.#repeat(keyId, verdict, now);
    }
  }

  #repeat(name: string, verdict: KeyCheck['verdict'], now: number, keyId = name): void {
    this.#deps.pendingChecks.repeat(keyId, this.#times.next(name, verdict, now));
  }

  /** While the clock is wrong, the probe is repeated: the `Date` of the answer shows when it is right. */
  #repeatForClock(keyId: string, now: number): void {
    if (this.#deps.contacts.clockError === null) this.#times.note(CLOCK, 'accepted', now);
    else if (this.#isProbe(keyId)) {
      this.#times.note(CLOCK, 'unanswered', now);
      this.#repeat(CLOCK, 'unanswered', now, keyId);
    }
  }

  /** Whether the key is the probe. It becomes the probe if there is none. */
  #isProbe(keyId: string): boolean {
    const isConfigured = new Set(this.#deps.keyIds()).has(this.#probe ?? '');
    if (!isConfigured) this.#probe = keyId;
    return this.#probe === keyId;
  }

  /** Whether OpenRouter accepts this key, and rejected every other key in its last check. */
  #isFirstAccepted(keyId: string, verdict: KeyCheck['verdict']): boolean {
    if (verdict !== 'accepted') return false;
    const { keyIds, contacts } = this.#deps;
    const others = [...keyIds()].filter((other) => other !== keyId);
    return others.length > 0 && others.every((other) => contacts.of(other)?.verdict === 'refused');
  }
}
