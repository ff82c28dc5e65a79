import { expect, it } from 'vitest';
import { outcome } from './outcome.ts';
import {
  failureInWords,
  lengthInWords,
  limitSubject,
  reasonInWords,
  refusalInWords,
  ruleInWords,
  sourceInWords,
  storeInWords,
  formatCost,
  overLimitInWords,
} from './words.ts';

it.each(outcome.options.map(({ shape }) => shape.kind.value))(
  'the outcome %s is shown in words, without underscores',
  (kind) => {
    expect(reasonInWords(kind)).toMatch(/^[a-z][a-z ]+$/);
  },
);

it('a name without an entry is shown without underscores', () => {
  for (const words of [reasonInWords, refusalInWords, failureInWords, ruleInWords, storeInWords]) {
    expect(words('never_heard_of')).toBe('never heard of');
    expect(words('constructor')).toBe('constructor');
  }
});

it('says how the end of something is known', () => {
  expect(sourceInWords('back-off')).toBe('a guess that grows with each refusal');
});

it.each([
  [{ scope: 'account', pool: 'free', model: null }, 'free models on its account'],
  [{ scope: 'account-model', pool: 'free', model: 'a/b:free' }, 'a/b:free on its account'],
  [{ scope: 'key-model', pool: 'all', model: 'a/b' }, 'a/b on this key'],
  [{ scope: 'model', pool: 'all', model: 'a/b' }, 'a/b'],
  [{ scope: 'upstream', pool: 'all', model: null }, 'OpenRouter'],
] as const)('the limit %j shuts out %s', (limit, subject) => {
  expect(limitSubject(limit)).toBe(subject);
});

it.each([
  [250, '250 ms'],
  [1_000, '1 s'],
  [4_540, '4.5 s'],
  [60_000, '60 s'],
  [720_000, '12 m'],
  [14_393_000, '4 h'],
  [259_200_000, '3 d'],
])('%d milliseconds are %s', (ms, words) => {
  expect(lengthInWords(ms)).toBe(words);
});

it.each([
  [0, '$0'],
  [0.00123, '$0.0012'],
  [0.0000005, '$0.0000005'],
  [1e-9, '< $0.00000001'],
  [0.42, '$0.42'],
  [12.3, '$12.30'],
  [1234.567, '$1,234.57'],
  [-0.42, '−$0.42'],
])('writes %d dollars as %s', (dollars, text) => {
  expect(formatCost(dollars)).toBe(text);
});

it('counts the requests over a limit, and says why there can be any', () => {
  expect(overLimitInWords(3, 3)).toBeNull();
  expect(overLimitInWords(4, 3)).toMatch(/^1 over: sent before the limit was known/);
  expect(overLimitInWords(2_003, 1_000)).toMatch(/^1,003 over/);
});
