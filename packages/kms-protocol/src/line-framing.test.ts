import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LineSplitter, MAX_LINE_BYTES, fitsInLine } from './line-framing.ts';

function split(chunks: Iterable<Uint8Array>, splitter = new LineSplitter()) {
  return [...chunks].flatMap((chunk) => [...splitter.push(Buffer.from(chunk))]);
}

describe('bytes become lines', () => {
  test('however they are cut', () => {
    const cuts = fc.array(fc.uint8Array({ minLength: 1, maxLength: 7 }));
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), cuts, (texts, sizes) => {
        const lines = texts.map((text) => text.replaceAll('\n', ''));
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const chunks = [];
        for (let at = 0, n = 0; at < bytes.length; n += 1) {
          const size = sizes[n % Math.max(1, sizes.length)]?.length ?? 1;
          chunks.push(bytes.subarray(at, (at += size)));
        }
        expect(split(chunks)).toEqual(lines);
      }),
    );
  });

  test('only at a line feed', () => {
    expect(split([Buffer.from('a\rb\u2028c\n')])).toEqual(['a\rb\u2028c']);
  });

  test('and an empty line is a line', () => {
    expect(split([Buffer.from('\n\n')])).toEqual(['', '']);
  });

  test('and one that is not UTF-8 is marked without harm to the next', () => {
    expect(split([Buffer.from([0xc3, 0x28, 0x0a, 0x61, 0x0a])])).toEqual([undefined, 'a']);
  });

  test('and a byte order mark is not dropped', () => {
    expect(split([Buffer.from('\ufeff{}\n')])).toEqual(['\ufeff{}']);
  });
});

describe('a splitter', () => {
  test('knows whether a line has begun', () => {
    const splitter = new LineSplitter();
    split([Buffer.from('a\nb')], splitter);
    expect(splitter.unfinished).toBe(true);
    split([Buffer.from('\n')], splitter);
    expect(splitter.unfinished).toBe(false);
  });

  test.each([
    ['at once', [Buffer.alloc(6, 'x')]],
    ['with its end', [Buffer.from('xxxxxx\n')]],
    ['bit by bit', ['xxx', 'xxx'].map((text) => Buffer.from(text))],
  ])('overflows at a line that is too long and comes %s', (_title, chunks) => {
    const splitter = new LineSplitter(5);
    expect(split(chunks, splitter)).toEqual([]);
    expect(splitter.overflowed).toBe(true);
  });

  test('gives a line of exactly the greatest length', () => {
    const splitter = new LineSplitter(5);
    expect(split([Buffer.from('xx'), Buffer.from('xxx\n')], splitter)).toEqual(['xxxxx']);
    expect(splitter.overflowed).toBe(false);
  });

  test('gives nothing any more once it has overflowed', () => {
    const splitter = new LineSplitter(5);
    expect(split([Buffer.from('xxxxxx'), Buffer.from('\na\n')], splitter)).toEqual([]);
  });
});

test('what fits in a line is measured in bytes', () => {
  expect(fitsInLine('x'.repeat(MAX_LINE_BYTES))).toBe(true);
  expect(fitsInLine('x'.repeat(MAX_LINE_BYTES + 1))).toBe(false);
  expect(fitsInLine('ä'.repeat(MAX_LINE_BYTES / 2))).toBe(true);
  expect(fitsInLine('ä'.repeat(MAX_LINE_BYTES / 2 + 1))).toBe(false);
});
