import type { KeyCheckResult } from '@openrouter-proxy/kms-protocol';

/** The number of keys that OpenRouter knows, rejects, and did not answer for. */
export interface Tally {
  known: number;
  refused: number;
  unanswered: number;
}

/** Called when every key has been checked once. */
export interface CheckListener {
  onFirstRound(tally: Readonly<Tally>): void;
}

/** Counts the results of the first check of each key. */
export class FirstRound {
  readonly #unasked: Set<string>;
  readonly #tally: Tally = { known: 0, refused: 0, unanswered: 0 };

  constructor(keyIds: Iterable<string>) {
    this.#unasked = new Set(keyIds);
  }

  /** Counts a result. Returns the tally after the last key. A cancelled check does not count. */
  add(keyId: string, finding: KeyCheckResult): Tally | null {
    const isGivenUp = finding.kind === 'failed' && finding.outcome.kind === 'client_abort';
    if (isGivenUp || !this.#unasked.delete(keyId)) return null;
    this.#tally[answerOf(finding)] += 1;
    return this.#unasked.size === 0 ? this.#tally : null;
  }
}

function answerOf(finding: KeyCheckResult): keyof Tally {
  if (finding.kind === 'facts') return 'known';
  return finding.outcome.kind === 'unauthorized' ? 'refused' : 'unanswered';
}
