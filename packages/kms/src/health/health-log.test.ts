import type { HealthCause } from '@openrouter-proxy/kms-protocol';
import { utcInWords } from '@openrouter-proxy/kms-protocol';
import type { LogLevel, Logger } from '@openrouter-proxy/runtime';
import { expect, it } from 'vitest';
import { HealthLog } from './health-log.ts';

const T = Date.UTC(2026, 9, 2, 6, 9);
const dns = (since: number): HealthCause => ({ kind: 'dns_failed', since, detail: 'ENOTFOUND' });
const connection = (since: number): HealthCause => ({
  ...{ kind: 'connection_failed', since, detail: 'ECONNREFUSED' },
});

/** The lines for states that follow one another, ten seconds apart. */
function linesOf(...states: HealthCause[][]): [LogLevel, string][] {
  const lines: [LogLevel, string][] = [];
  const log: Logger['log'] = (level, message) => lines.push([level, message]);
  const info: Logger['info'] = (message) => log('INFO', message);
  const unused = () => expect.unreachable();
  const logger = { log, info, debug: unused, warning: unused, error: unused, critical: unused };
  const healthLog = new HealthLog(logger, T - 60_000, utcInWords);
  for (const [index, causes] of states.entries()) healthLog.note(causes, T + index * 10_000);
  return lines;
}

it('writes when something goes wrong, and when it is over', () => {
  expect(linesOf([dns(T)], [dns(T)], [])).toEqual([
    ['ERROR', "health: OpenRouter's host name cannot be resolved since 06:09 UTC: ENOTFOUND."],
    [
      'INFO',
      "health: over after 20 s: OpenRouter's host name cannot be resolved since 06:09 UTC: ENOTFOUND.",
    ],
  ]);
});

it('writes the new cause, and that nothing is over, when one cause takes the place of another', () => {
  expect(linesOf([dns(T)], [connection(T + 10_000)]).map(([level]) => level)).toEqual([
    'ERROR',
    'ERROR',
  ]);
});

it('writes that an unrelated cause is over', () => {
  const clock: HealthCause = { kind: 'clock_wrong', since: T, offsetMs: 3_600_000 };
  const levels = linesOf([clock], [dns(T + 10_000)]).map(([level]) => level);
  expect(levels).toEqual(['WARNING', 'ERROR', 'INFO']);
});
