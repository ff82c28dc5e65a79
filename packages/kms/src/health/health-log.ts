import {
  healthStatements,
  UPSTREAM_FAULTS,
  type HealthCause,
  type HealthCauseKind,
  type HealthStatement,
  type InstantInWords,
} from '@openrouter-proxy/kms-protocol';
import type { Logger } from '@openrouter-proxy/runtime';

/** A cause is logged after it has lasted this long: at its start the service knows nothing yet. */
const START_MS = 3_000;

/** Causes of one group replace each other: a replaced cause has changed, but is not over. */
const GROUPS: readonly (readonly HealthCauseKind[])[] = [
  UPSTREAM_FAULTS,
  ['all_keys_refused', 'some_keys_refused'],
  ['all_keys_management', 'management_keys'],
  ['all_keys_limited', 'models_limited'],
  ['requests_failing', 'some_requests_failing'],
];

/** Logs one line when a cause begins or changes, and one when it ends. */
export class HealthLog {
  readonly #logger: Logger;
  readonly #startedAt: number;
  readonly #instantInWords: InstantInWords;
  #standing = new Map<HealthCauseKind, HealthStatement>();

  constructor(logger: Logger, startedAt: number, instantInWords: InstantInWords) {
    this.#logger = logger;
    this.#startedAt = startedAt;
    this.#instantInWords = instantInWords;
  }

  /** Notes every current cause. */
  note(causes: readonly HealthCause[], now: number): void {
    const isStarting = now - this.#startedAt < START_MS;
    const told = causes.filter(({ kind }) => !isStarting || kind !== 'unchecked');
    // A kind of cause is logged once, even if its words change.
    const statements = healthStatements(told, now, this.#instantInWords);
    const current = new Map(statements.map((each) => [each.cause, each]));
    for (const [kind, statement] of current) {
      if (!this.#standing.has(kind)) this.#begins(statement);
    }
    for (const [kind, statement] of this.#standing) {
      const group = GROUPS.find((kinds) => kinds.includes(kind)) ?? [kind];
      if (!group.some((other) => current.has(other))) this.#ends(statement, now);
    }
    this.#standing = current;
  }

  #begins({ cause, severity, since, sentence, action }: HealthStatement): void {
    const fields = { cause, since: new Date(since).toISOString(), action };
    this.#logger.log(severity === 'critical' ? 'ERROR' : 'WARNING', `health: ${sentence}`, fields);
  }

  #ends({ cause, since, sentence }: HealthStatement, now: number): void {
    const seconds = Math.max(0, Math.round((now - since) / 1_000));
    this.#logger.info(`health: over after ${seconds} s: ${sentence}`, { cause });
  }
}
