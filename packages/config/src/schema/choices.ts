/** How the next key is chosen. The first is the default. */
export const KEY_SELECTION_STRATEGIES = ['round-robin', 'first', 'random', 'least-busy'] as const;

/** Options of key selection. */
export const KEY_SELECTION_OPTIONS = ['same', 'affinity'] as const;

/** Who answers `POST /messages/count_tokens`. The first is the default. */
export const TOKEN_COUNTS = ['estimate', 'pass'] as const;

/** Whether clients may use endpoints that look into or change an account. The first is the default. */
export const ADMINISTRATION = ['deny', 'allow'] as const;

/** Where the state of the keys is kept. The first is the default. */
export const STATE_BACKENDS = ['embedded', 'redis'] as const;

/** What to do while Redis is away. */
export const OUTAGE_POLICIES = ['static', 'open', 'closed'] as const;

/** How log lines look: `auto` is pretty on a terminal and JSON elsewhere. */
export const LOG_FORMATS = ['auto', 'json', 'pretty'] as const;
