import { expect, it } from 'vitest';
import { healthLevelOf, healthStatements, localInWords } from './health-words.ts';
import type { HealthCause } from './health.ts';

const T = Date.UTC(2026, 9, 2, 6, 9);
const REFUSED = {
  ...{ since: T, refused: 2, keys: 2, status: 401, detail: 'User not found.' },
};
const sentence = (cause: HealthCause, now = T + 60_000) =>
  healthStatements([cause], now).map((statement) => statement.sentence);

it('says what is wrong, since when, and what the other side said', () => {
  expect(sentence({ kind: 'all_keys_refused', ...REFUSED })).toEqual([
    'OpenRouter refuses all 2 keys since 06:09 UTC: HTTP 401 User not found.',
  ]);
});

it('says of a page only its title', () => {
  const detail = '<!doctype html><title>Bad gateway</title><p>nginx</p>';
  expect(sentence({ kind: 'upstream_failing', since: T, status: 502, detail })).toEqual([
    'OpenRouter fails since 06:09 UTC: HTTP 502 a page “Bad gateway”.',
  ]);
});

it('names the day when that is another one', () => {
  const [text] = sentence({ kind: 'dns_failed', since: T, detail: 'x' }, T + 86_400_000);
  expect(text).toContain('since 2026-10-02 06:09 UTC: x.');
});

it('says the time of this machine where that is asked for, with the date of another day', () => {
  const at = new Date(2026, 9, 2, 8, 9).getTime();
  const causes: HealthCause[] = [{ kind: 'dns_failed', since: at, detail: 'x' }];
  const sentenceAt = (now: number) => healthStatements(causes, now, localInWords)[0]?.sentence;
  expect(sentenceAt(at)).toContain('since 08:09: x.');
  expect(sentenceAt(at + 86_400_000)).toContain('since 2026-10-02 08:09: x.');
});

it('says of some keys which they are', () => {
  const cause: HealthCause = {
    ...{ kind: 'some_keys_refused', ...REFUSED, keys: 9, names: ['a', 'b'] },
  };
  expect(sentence(cause)[0]).toContain('2 of 9 keys (a, b) since');
});

it('says on which side of OpenRouter’s clock this one is', () => {
  const clock = (offsetMs: number) => sentence({ kind: 'clock_wrong', since: T, offsetMs })[0];
  expect(clock(7_200_000)).toContain("clock is 2 h behind OpenRouter's");
  expect(clock(-180_000)).toContain("clock is 3 min ahead of OpenRouter's");
});

it('tells the worst first, and takes its level from it', () => {
  const causes: HealthCause[] = [
    { kind: 'clock_wrong', since: T, offsetMs: 1 },
    { kind: 'all_keys_disabled', since: T, keys: 1 },
  ];
  expect(healthStatements(causes, T).map(({ cause }) => cause)).toEqual([
    'all_keys_disabled',
    'clock_wrong',
  ]);
  expect(healthLevelOf(causes)).toBe('critical');
  expect(healthLevelOf(causes.slice(0, 1))).toBe('warning');
  expect(healthLevelOf([])).toBe('ok');
});
