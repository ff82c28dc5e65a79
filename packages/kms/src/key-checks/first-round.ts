import type { KeyCheckResult } from '@openrouter-proxy/kms-protocol';

/** How many keys OpenRouter knows, does not know, and said nothing of. */
export interface Tally {
  known: number;
  refused: number;
  unanswered: number;
}

/** Told when OpenRouter has been asked about every key once. */
export interface CheckListener {
  onFirstRound(tally: Readonly<Tally>): void;
}

/** Counts what OpenRouter says of each key when it is first asked about it. */
export class FirstRound {
  readonly #unasked: Set<string>;
  readonly #tally: Tally = { known: 0, refused: 0, unanswered: 0 };

  constructor(keyIds: Iterable<string>) {
    this.#unasked = new Set(keyIds);
  }

  /** Counts a finding; gives the tally with the last of the keys. One that was given up is none. */
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
