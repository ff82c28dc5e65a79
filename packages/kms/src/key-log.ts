import type { KeyState } from '@openrouter-proxy/kms-protocol';
import type { LogFields, LogLevel, Logger } from '@openrouter-proxy/runtime';
import type { Tally } from './first-round.ts';
import type { PoolKey } from './key-records.ts';
import type { Limit } from './limit.ts';

/** One line of the log about a key. */
interface KeyLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** Writes what has become of a key, once, and without its secret. */
export function logKeyChange(
  logger: Logger,
  key: PoolKey,
  before: KeyState,
  after: KeyState,
): void {
  const line = lineOf(before, after);
  if (line === null) return;
  logger.log(line.level, line.message, { key: key.id, name: key.name, ...line.fields });
}

/** Writes that an account, a model, or the way to OpenRouter cannot serve for a time. */
export function logLimit(logger: Logger, { subject, until, cause }: Limit): void {
  const level = subject.scope === 'upstream' ? 'WARNING' : 'INFO';
  logger.log(level, 'limit begins', {
    ...subject,
    until: new Date(until).toISOString(),
    ...cause,
  });
}

/** Writes whether OpenRouter can be reached, and knows the keys. */
export function logFirstRound(logger: Logger, tally: Readonly<Tally>): void {
  const { known, refused, unanswered } = tally;
  if (known === 0 && refused === 0) {
    logger.warning('OpenRouter could not be asked about any key: can it be reached?', { ...tally });
  } else if (refused > 0) {
    const which = known === 0 ? 'any of the keys' : 'some of the keys';
    logger.warning(`OpenRouter does not know ${which}: see \`kms keys\``, { ...tally });
  } else if (unanswered > 0) logger.info('OpenRouter was asked about the keys', { ...tally });
  else logger.info('OpenRouter knows every key', { keys: known });
}

function lineOf(before: KeyState, after: KeyState): KeyLine | null {
  switch (after.kind) {
    case 'available':
      return { level: 'INFO', message: returned(before, after.since), fields: {} };
    case 'returning':
      if (before.kind === 'returning') return null;
      return { level: 'INFO', message: 'key returns, one request at a time at first', fields: {} };
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
