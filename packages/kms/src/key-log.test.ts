import { expect, it } from 'vitest';
import type { KeyState } from '@openrouter-proxy/kms-protocol';
import { Secret, type LogFields, type LogLevel, type Logger } from '@openrouter-proxy/runtime';
import { logKeyChange } from './key-log.ts';

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

function linesOf(before: KeyState, after: KeyState): [LogLevel, string, LogFields | undefined][] {
  const lines: [LogLevel, string, LogFields | undefined][] = [];
  const log: Logger['log'] = (...line) => lines.push([line[0], line[1], line[2]]);
  const unused = () => expect.unreachable();
  const logger = {
    log,
    debug: unused,
    info: unused,
    warning: unused,
    error: unused,
    critical: unused,
  };
  logKeyChange(logger, key, before, after);
  return lines;
}

it('says which key is set aside, until when and why', () => {
  const fields = { key: key.id, name: 'team', until: '1970-01-01T00:01:00.000Z', ...cause };
  expect(linesOf(available, cooling)).toEqual([['INFO', 'key cooled', fields]]);
});

it.each<[string, LogLevel, KeyState, KeyState]>([
  ['key returned', 'INFO', cooling, { kind: 'available', since: 60_000 }],
  ['key uncooled', 'INFO', cooling, { kind: 'available', since: 30_000 }],
  ['key enabled', 'INFO', disabled, available],
  ['key disabled', 'WARNING', available, disabled],
  ['key cooled', 'WARNING', available, { ...cooling, cause: { ...cause, source: 'strike' } }],
])('calls it "%s", %s', (message, level, before, after) => {
  expect(linesOf(before, after)).toMatchObject([[level, message, { key: key.id }]]);
});

it('does not repeat itself when the clock is set back', () => {
  expect(linesOf(cooling, { ...cooling, since: -5, until: 59_995 })).toEqual([]);
});
