import { expect, it } from 'vitest';
import type { KeyState } from '@openrouter-proxy/kms-protocol';
import { Secret, type LogFields, type LogLevel, type Logger } from '@openrouter-proxy/runtime';
import { logKeyChange, logLifted, logLimit } from './key-log.ts';
import type { Subject } from '../limits/limit.ts';

const key = {
  id: '0123456789ab',
  position: 0,
  secret: new Secret('s'),
  name: 'team',
  account: null,
  maxConcurrency: null,
};
const cause = { reason: 'rate_limited', source: 'header', detail: 'slow down' } as const;
const available: KeyState = { kind: 'available', since: 0 };
const cooling: KeyState = { kind: 'cooling', since: 0, until: 60_000, cause };
const disabled: KeyState = { kind: 'disabled', since: 0, cause: { ...cause, source: 'strike' } };

type Line = [LogLevel, string, LogFields | undefined];

/** The lines that something writes. */
function linesOf(write: (logger: Logger) => void): Line[] {
  const lines: Line[] = [];
  const log: Logger['log'] = (...line) => lines.push([line[0], line[1], line[2]]);
  const unused = () => expect.unreachable();
  const info: Logger['info'] = (message, fields) => log('INFO', message, fields);
  write({ log, info, debug: unused, warning: unused, error: unused, critical: unused });
  return lines;
}

const changeOf = (before: KeyState, after: KeyState) =>
  linesOf((logger) => logKeyChange(logger, key, before, after));

it('says which key is set aside, until when and why', () => {
  const fields = { key: 'team', key_id: key.id, until: '1970-01-01T00:01:00.000Z', ...cause };
  expect(changeOf(available, cooling)).toEqual([['INFO', 'key cooled', fields]]);
});

it.each<[string, LogLevel, KeyState, KeyState]>([
  ['key returned', 'INFO', cooling, { kind: 'available', since: 60_000 }],
  ['key uncooled', 'INFO', cooling, { kind: 'available', since: 30_000 }],
  ['key enabled', 'INFO', disabled, available],
  ['key disabled', 'WARNING', available, disabled],
  ['key cooled', 'WARNING', available, { ...cooling, cause: { ...cause, source: 'strike' } }],
])('calls it "%s", %s', (message, level, before, after) => {
  expect(changeOf(before, after)).toMatchObject([
    [level, message, { key: 'team', key_id: key.id }],
  ]);
});

it('does not repeat itself when the clock is set back', () => {
  expect(changeOf(cooling, { ...cooling, since: -5, until: 59_995 })).toEqual([]);
});

it.each<[string, Subject, LogFields]>([
  [
    'of one model on a key, with the name and the id of the key',
    { scope: 'key-model', keyId: key.id, model: 'a/b' },
    { scope: 'key-model', model: 'a/b', key: 'team', key_id: key.id },
  ],
  [
    'of an account, with the names of its keys',
    { scope: 'account', account: 'research', pool: 'free' },
    { scope: 'account', account: 'research', pool: 'free', keys: ['team'] },
  ],
])('names the keys of a limit %s', (_title, subject, fields) => {
  const limit = { subject, since: 0, until: 60_000, cause, level: 0 };
  expect(linesOf((logger) => logLimit(logger, limit, [key]))).toEqual([
    ['INFO', 'limit begins', { ...fields, until: '1970-01-01T00:01:00.000Z', ...cause }],
  ]);
  expect(linesOf((logger) => logLifted(logger, subject, [key]))).toEqual([
    ['INFO', 'limit lifted', fields],
  ]);
});

it('names no more than ten keys of an account', () => {
  const keys = Array.from({ length: 12 }, (_, n) => ({ ...key, name: `key-${n}` }));
  const subject = { scope: 'account', account: 'research', pool: 'all' } as const;
  const [line] = linesOf((logger) => logLifted(logger, subject, keys));
  expect(line?.[2]?.['keys']).toHaveLength(10);
});
