import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { divideEvents, EventFraming } from './framing.ts';

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

/** CPU time of framing one chunk, in microseconds: the least of a few tries. */
function cpuOf(chunk: Buffer): number {
  const tries = Array.from({ length: 5 }, () => {
    const before = process.cpuUsage();
    let ends = 0;
    for (const end of new EventFraming().ends(chunk)) ends += Math.sign(end);
    const { user, system } = process.cpuUsage(before);
    return ends < 0 ? NaN : user + system;
  });
  return Math.min(...tries);
}

describe('events', () => {
  it.each([
    ':\n\n',
    '\n',
    '\r',
    ':\r\r',
    ':\r\n\r\n',
    'data: 1\n\n',
    'data: 1\n',
    '\n\r',
    ':\n:\r',
    'x',
  ])(
    'are found in a time that grows as the bytes do, also in a chunk of nothing but %j',
    (text) => {
      const bytes = Buffer.from(text.repeat(Math.ceil(1_600_000 / text.length)));
      cpuOf(bytes);
      const [small, large] = [cpuOf(bytes.subarray(0, 100_000)), cpuOf(bytes)];
      // Sixteen times as many bytes. A search that began anew for each event would take 256 times as long.
      expect(large).toBeLessThan(64 * Math.max(small, 1_000));
    },
  );

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

  it('end at the same bytes, however the stream is divided into chunks', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 15 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(events, sizes, (list, pieces) => {
        const texts = list.map(([text, blank]) => text + blank);
        const bytes = Buffer.from(`${texts.join('')}:`);
        const framing = new EventFraming();
        const found: number[] = [];
        let at = 0;
        for (const chunk of cut(bytes, pieces)) {
          for (const end of framing.ends(chunk)) found.push(at + end);
          at += chunk.length;
        }
        let end = 0;
        const ends = texts.map((text) => (end += Buffer.byteLength(text)));
        // The end of a CRLF is known with its last byte, that of a CR with the byte behind it.
        expect(found).toEqual(ends);
        expect(framing.isWithinEvent).toBe(true);
      }),
    );
  });

  it.each([
    ['LF', '\n'],
    ['CR', '\r'],
    ['CRLF', '\r\n'],
  ])('are told from comments where lines end with %s', (_name, eol) => {
    const framing = new EventFraming();
    const comments: boolean[] = [];
    const text = [': a', '', 'data: b', '', ':', ': c', '', ': d', 'data: e', '', '', ''].join(eol);
    for (const end of framing.ends(Buffer.from(`${text}:`))) {
      expect(end).toBeGreaterThan(0);
      comments.push(framing.lastWasComment);
    }
    expect(comments).toEqual([true, false, true, false, true]);
  });
});
