import type { HealthStatement, KeyCheck } from '@openrouter-proxy/kms-protocol';
import { expect, it } from 'vitest';
import { verdictBlock, verdictSummary } from './key-verdicts.ts';

const check = (verdict: KeyCheck['verdict'], status: number | null, detail: string): KeyCheck => ({
  ...{ verdict, since: 0, at: 0, status, detail },
});
const ACCEPTED = { name: 'team-a', check: check('accepted', 200, '') };
const REFUSED = { name: 'b', check: check('refused', 401, 'User not found.') };
const SILENT = { name: 'c', check: null };

it('says the verdict of each key, and what to do', () => {
  const problem: HealthStatement = {
    ...{ cause: 'some_keys_refused', severity: 'warning', since: 0 },
    ...{ sentence: 'OpenRouter refuses 1 of 2 keys.', action: 'Check the keys.' },
  };
  expect(verdictBlock({ keys: [ACCEPTED, REFUSED], problems: [problem] })).toBe(
    `  OpenRouter accepts 1 of 2 keys, refuses 1 of 2 keys
    team-a  accepted
    b       refused: HTTP 401 User not found.

  OpenRouter refuses 1 of 2 keys.
  Check the keys.

`,
  );
});

it('says that OpenRouter did not answer', () => {
  const unanswered = { name: 'd', check: check('unanswered', null, 'ECONNREFUSED') };
  const verdicts = { keys: [SILENT, unanswered], problems: [] };
  expect(verdictSummary(verdicts)).toBe('OpenRouter did not answer within 3 s');
  expect(verdictBlock(verdicts)).toContain('d  no answer: ECONNREFUSED');
});

it('says that OpenRouter could not be asked when every check has failed', () => {
  const unanswered = { name: 'd', check: check('unanswered', null, 'getaddrinfo ENOTFOUND') };
  const verdicts = { keys: [unanswered, unanswered], problems: [] };
  expect(verdictSummary(verdicts)).toBe('OpenRouter could not be asked about any key');
});

it('names only the keys that are not accepted when there are many', () => {
  const many = Array.from({ length: 40 }, () => ACCEPTED);
  const block = verdictBlock({ keys: [...many, REFUSED], problems: [] });
  expect(block).toBe(
    `  OpenRouter accepts 40 of 41 keys, refuses 1 of 41 keys
    b  refused: HTTP 401 User not found.

`,
  );
});

it('escapes control characters in the text of OpenRouter', () => {
  const check = { ...REFUSED.check, detail: 'User \u001b]0;title\u0007\u001b[31mnot\u202efound' };
  const block = verdictBlock({ keys: [{ ...REFUSED, check }], problems: [] });
  expect(block).toContain('User �]0;title��[31mnot�found');
});
