import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { divideEvents, WholeEvents } from './sse-framing.ts';

const events = fc.array(
  fc.tuple(
    fc.string({ unit: fc.constantFrom('a', ':', ' ', 'é'), minLength: 1, maxLength: 20 }),
    fc.constantFrom('\n\n', '\r\n\r\n', '\r\r'),
  ),
  { minLength: 1, maxLength: 10 },
);

function* cut(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

describe('events', () => {
  it('are divided behind their blank lines, whatever ends a line', () => {
    fc.assert(
      fc.property(events, (list) => {
        const texts = list.map(([text, blank]) => text + blank);
        const divided = [...divideEvents(Buffer.from(texts.join('')))].map(String);
        expect(divided).toEqual(texts);
      }),
    );
  });

  it('that have no end yet are the last', () => {
    expect([...divideEvents(Buffer.from('a\n\nb'))].map(String)).toEqual(['a\n\n', 'b']);
  });

  it('come out whole and unchanged, however they are cut', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 15 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(events, sizes, (list, pieces) => {
        const bytes = Buffer.from(list.map(([text, blank]) => text + blank).join(''));
        const whole = new WholeEvents();
        const out: string[] = [];
        for (const chunk of cut(bytes, pieces)) {
          const piece = whole.push(chunk).toString();
          if (piece !== '') expect(piece).toMatch(/(\n\n|\r\n\r\n|\r\r)$/);
          out.push(piece);
        }
        expect(out.join('') + whole.rest().toString()).toBe(bytes.toString());
        expect(whole.isWithinEvent).toBe(true); // after the rest
      }),
    );
  });

  it('that are too large to hold come out in pieces', () => {
    const whole = new WholeEvents();
    const chunk = Buffer.alloc(100_000, 'x');
    const sizes = [1, 2, 3].map(() => whole.push(chunk).length);
    expect(sizes).toEqual([0, 0, 300_000]);
    expect(whole.isWithinEvent).toBe(true);
    expect(whole.push(Buffer.from('x\n\n')).toString()).toBe('x\n\n');
    expect(whole.isWithinEvent).toBe(false);
  });
});
