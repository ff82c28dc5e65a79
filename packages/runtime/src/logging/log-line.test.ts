import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LOG_LEVELS, jsonLine, prettyLine, type Line } from './log-line.ts';

/** Eight o'clock on this machine's clock. */
const EIGHT = new Date(2026, 10, 23, 8).toISOString();
const head = { time: EIGHT, level: 'ERROR', component: 'kms' } as const;
const line = (fields: object = {}, message = 'failed'): Line => ({
  ...head,
  message,
  fields: { ...fields },
});

const circular: Record<string, unknown> = {};
circular['self'] = circular;
const throwing = {
  toJSON() {
    throw new Error('no');
  },
};

/** Anything a caller may pass, the worst included. */
const anyLine = fc.record({
  time: fc.constant(head.time),
  level: fc.constantFrom(...LOG_LEVELS),
  component: fc.constant('kms'),
  message: fc.string({ unit: 'binary' }),
  fields: fc.dictionary(
    fc.string({ unit: 'binary' }).filter((name) => name !== 'stack'),
    fc.oneof(
      fc.anything({ withBigInt: true, withNullPrototype: true, withDate: true }),
      fc.constantFrom(circular, throwing, undefined, () => 1, Symbol('s'), new Error('x')),
      fc.string({ unit: 'binary' }),
    ),
  ),
});

describe('a line of JSON', () => {
  it('is one object on one line with time, level, component and message, whatever its fields are', () => {
    fc.assert(
      fc.property(anyLine, (any) => {
        const { time, level, component, message } = any;
        const text = jsonLine(any);
        expect(text).not.toContain('\n');
        expect(JSON.parse(text)).toMatchObject({ time, level, component, message });
      }),
    );
  });

  it('tells of an error its message, its code and its causes', () => {
    const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    expect(JSON.parse(jsonLine(line({ error: new Error('no answer', { cause }) })))).toEqual({
      ...head,
      message: 'failed',
      error: { error: 'no answer', cause: { error: 'refused', code: 'ECONNREFUSED' } },
    });
  });

  it('replaces fields that cannot be written by the reason', () => {
    expect(jsonLine(line({ circular }))).toContain('"unprintable":"Converting circular');
  });
});

describe('a pretty line', () => {
  it('cannot be made two lines, nor drive the terminal, by any text', () => {
    fc.assert(
      fc.property(anyLine, (any) => {
        expect(prettyLine(any, false)).not.toMatch(/\p{Cc}/u);
        expect(stripVTControlCharacters(prettyLine(any, true))).not.toMatch(/\p{Cc}/u);
      }),
    );
  });

  it('shows plain words as they are, everything else as JSON, and leaves out what there is not', () => {
    const fields = { path: '/api/v1', text: 'two words', count: 3, none: null, not: undefined };
    expect(prettyLine(line(fields), false)).toBe(
      '08:00:00.000 ERROR    kms      failed path=/api/v1 text="two words" count=3',
    );
  });

  it('has every instant in local time', () => {
    const until = new Date(2026, 10, 24, 9, 30).toISOString();
    expect(prettyLine(line({ until }), false)).toBe(
      '08:00:00.000 ERROR    kms      failed until=2026-11-24T09:30:00.000',
    );
  });

  it('puts a stack on lines of its own', () => {
    expect(prettyLine(line({ stack: 'Error: x\n    at y\u001b' }), false).split('\n')).toEqual([
      '08:00:00.000 ERROR    kms      failed',
      'Error: x',
      '    at y\\x1b',
    ]);
  });
});
