import type { KeyState } from '@openrouter-proxy/kms-protocol';
import type { LogFields, LogLevel, Logger } from '@openrouter-proxy/runtime';
import type { Tally } from '../key-checks/first-round.ts';
import { isCircuitSubject } from '../limits/limit.ts';
import type { PoolKey } from '../keys/key-records.ts';
import type { Limit, Subject } from '../limits/limit.ts';

/** A log line about a key. */
interface KeyLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** Logs a change of a key's state once, without the secret. */
export function logKeyChange(
  logger: Logger,
  key: PoolKey,
  before: KeyState,
  after: KeyState,
): void {
  const line = lineOf(before, after);
  if (line === null) return;
  logger.log(line.level, line.message, { ...keyFields(key), ...line.fields });
}

/** The fields that name a key in every log line: `key` is its name, as in the gateway's log. */
export const keyFields = ({ id, name }: PoolKey): LogFields => ({ key: name, key_id: id });

/** Logs a limit, or an open circuit breaker. */
export function logLimit(
  logger: Logger,
  { subject, until, cause, evidence }: Limit,
  keys: readonly PoolKey[],
): void {
  const level = subject.scope === 'upstream' ? 'WARNING' : 'INFO';
  const message = isCircuitSubject(subject) ? 'circuit breaker open' : 'limit begins';
  logger.log(level, message, {
    ...subjectFields(subject, keys),
    until: new Date(until).toISOString(),
    ...cause,
    ...(evidence === undefined
      ? {}
      : { failed_requests: evidence.requests, clients: evidence.clients }),
  });
}

/** Logs that a limit was lifted before its end, or that a circuit breaker is closed. */
export function logLifted(logger: Logger, subject: Subject, keys: readonly PoolKey[]): void {
  const message = isCircuitSubject(subject) ? 'circuit breaker closed' : 'limit lifted';
  logger.info(message, subjectFields(subject, keys));
}

/** The most keys of an account that one line names. */
const MAX_NAMED_KEYS = 10;

/** The subject of a limit, with the names of its keys. */
function subjectFields(subject: Subject, keys: readonly PoolKey[]): LogFields {
  if (subject.scope !== 'key-model') {
    const names = keys.slice(0, MAX_NAMED_KEYS).map(({ name }) => name);
    return keys.length === 0 ? { ...subject } : { ...subject, keys: names };
  }
  const { keyId, ...about } = subject;
  const key = keys.find(({ id }) => id === keyId);
  return { ...about, ...(key === undefined ? { key_id: keyId } : keyFields(key)) };
}

/** Logs a first round without failures. Failures are logged by the health log. */
export function logFirstRound(
  logger: Logger,
  { known, refused, unanswered }: Readonly<Tally>,
): void {
  if (refused === 0 && unanswered === 0)
    logger.info('OpenRouter accepts every key', { keys: known });
}

function lineOf(before: KeyState, after: KeyState): KeyLine | null {
  switch (after.kind) {
    case 'available':
      return { level: 'INFO', message: returned(before, after.since), fields: {} };
    case 'returning':
      if (before.kind === 'returning') return null;
      return { level: 'INFO', message: 'key returns: one probe request at a time', fields: {} };
    case 'disabled':
      return { level: 'WARNING', message: 'key disabled', fields: after.cause };
    case 'cooling': {
      if (before.kind === 'cooling' && before.cause === after.cause) return null; // the clock was set back
      const until = new Date(after.until).toISOString();
      const level = after.cause.source === 'strike' ? 'WARNING' : 'INFO';
      return { level, message: 'key cooled', fields: { until, ...after.cause } };
    }
  }
}

function returned(before: KeyState, since: number): string {
  if (before.kind === 'disabled') return 'key enabled';
  if (before.kind === 'returning') return 'key returned';
  const isOver = before.kind === 'cooling' && before.until === since;
  return isOver ? 'key returned' : 'key uncooled';
}
