import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMask, maskOf } from './secret-mask.ts';

const RANDOM = randomBytes(32).toString('hex');
const SECRET = `sk-or-v1-${RANDOM}`;
const ODD = 'sk-or-odd.key/with=signs+in:it-and~more';

/** Whether two texts share a piece of the second that is long enough to be of use. */
function shares(words: string, secret: string, length: number): boolean {
  for (let at = 0; at + length <= secret.length; at += 1) {
    if (words.includes(secret.slice(at, at + length))) return true;
  }
  return false;
}

const SPELLINGS: [name: string, spell: (secret: string) => string, piece: number][] = [
  ['as it is', (secret) => secret, 12],
  ['in upper case', (secret) => secret.toUpperCase(), 12],
  ['in lower case', (secret) => secret.toLowerCase(), 12],
  ['without its prefix', (secret) => secret.replace(/^sk-or-(v1-)?/, ''), 12],
  ['percent-encoded', (secret) => encodeURIComponent(secret).replaceAll('-', '%2D'), 12],
  ['percent-encoded in lower case', (secret) => secret.replaceAll('-', '%2d'), 12],
  ['with JSON escapes', (secret) => secret.replaceAll('-', String.raw`\u002d`), 12],
  ['with JSON escapes in upper case', (secret) => secret.replaceAll('-', String.raw`\u002D`), 12],
  ...[0, 1, 2].flatMap((alignment): [string, (secret: string) => string, number][] => {
    const before = 'Bearer:x'.slice(0, 6 + alignment);
    return [
      [
        `in base64, ${alignment} bytes off`,
        (secret) => Buffer.from(`${before}${secret} and more`).toString('base64'),
        20,
      ],
      [
        `in base64url, ${alignment} bytes off`,
        (secret) => Buffer.from(`${before}${secret}?>~`).toString('base64url'),
        20,
      ],
    ];
  }),
];

describe('masks a key', () => {
  it.each(SPELLINGS)('%s', (_name, spell, piece) => {
    const words = `before ${spell(SECRET)} behind`;
    const masked = createMask(SECRET).text(words);
    expect(masked).toHaveLength(words.length);
    expect(masked).toMatch(/^before .*\*{60}.* behind$/);
    expect(shares(masked, spell(RANDOM), piece)).toBe(false);
    expect(masked.toLowerCase()).not.toContain(RANDOM.slice(2, 14));
  });

  it.each(SPELLINGS.filter(([name]) => !name.includes('percent') && !name.includes('escapes')))(
    'of another shape %s',
    (_name, spell) => {
      const masked = createMask(ODD).text(`before ${spell(ODD)} behind`);
      expect(masked).toMatch(/^before .*\*{25}.* behind$/);
    },
  );

  it('of another shape with every special character encoded', () => {
    const percent = ODD.replace(/[^a-z0-9]/g, (one) => `%${one.charCodeAt(0).toString(16)}`);
    expect(createMask(ODD).text(percent)).toContain('*'.repeat(25));
    expect(createMask(ODD).text(encodeURIComponent(ODD))).toContain('*'.repeat(25));
    expect(createMask(ODD).text(ODD.replaceAll('/', String.raw`\/`))).toContain('*'.repeat(25));
  });

  it('whose random part is a short word only together with its prefix', () => {
    const mask = createMask('sk-or-v1-word');
    expect(mask.text('a word, sk-or-v1-word')).toBe('a word, *************');
  });

  it('of no length at all never', () => {
    expect(createMask('').text('words')).toBe('words');
    expect(maskOf(null).text(SECRET)).toBe(SECRET);
  });
});

it('gives back the same object where there is nothing to mask', () => {
  const mask = createMask(SECRET);
  const body = Buffer.from('data: {"choices":[]}\n\n');
  expect(mask.bytes(body)).toBe(body);
  expect(mask.stream().push(body)).toBe(body);
});

it('leaves the buffer that it was given as it was', () => {
  const body = Buffer.from(SECRET);
  createMask(SECRET).bytes(body);
  expect(body.toString()).toBe(SECRET);
});

it('creates the mask of a key once', () => {
  expect(maskOf(SECRET)).toBe(maskOf(SECRET));
});

/** A secret of few different characters, so that occurrences overlap and begin within each other. */
const awkward = fc
  .array(fc.constantFrom('a', 'b'), { minLength: 16, maxLength: 24 })
  .map((letters) => `sk-or-v1-${letters.join('')}`);

const pieces = (secret: string) =>
  fc.array(
    fc.oneof(
      fc.constant(secret),
      fc.constantFrom(...SPELLINGS.map(([, spell]) => spell(secret))),
      fc.nat(secret.length).map((length) => secret.slice(0, length)),
      fc.constantFrom('a', 'b', 'ab', 'data: ', '\n\n', 'é'),
      fc.string({ maxLength: 8 }),
    ),
    { maxLength: 12 },
  );

const bodies = fc.oneof(fc.constant(SECRET), fc.constant(ODD), awkward).chain((secret) =>
  fc.record({
    secret: fc.constant(secret),
    body: pieces(secret).map((all) => Buffer.from(all.join(''))),
    cuts: fc.array(fc.nat(40), { maxLength: 200 }),
  }),
);

function inChunks(body: Buffer, cuts: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const length of cuts) {
    chunks.push(body.subarray(at, at + length));
    at += length;
  }
  return [...chunks, body.subarray(at)];
}

describe('a stream', () => {
  it('is masked the same however it is cut into chunks', () => {
    fc.assert(
      fc.property(bodies, ({ secret, body, cuts }) => {
        const mask = createMask(secret);
        const stream = mask.stream();
        const passed = inChunks(body, cuts).map((part) => stream.push(part));
        const masked = Buffer.concat([...passed, stream.end()]);
        expect(masked.equals(mask.bytes(body))).toBe(true);
        expect(masked).toHaveLength(body.length);
        expect(masked.includes(secret)).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  it('holds back nothing of an event that is whole', () => {
    const stream = createMask(SECRET).stream();
    const whole = Buffer.from(`data: {"id":"${SECRET.slice(0, 40)}"}\n\n`);
    expect(stream.push(whole)).toBe(whole);
    expect(stream.end()).toHaveLength(0);
  });

  it('holds back only what may be the beginning of the key', () => {
    const stream = createMask(SECRET).stream();
    expect(stream.push(Buffer.from(`x ${RANDOM.slice(0, 5)}`)).toString()).toBe('x ');
    expect(stream.push(Buffer.from('~')).toString()).toBe(`${RANDOM.slice(0, 5)}~`);
  });

  it('costs time in proportion to its length, whatever it holds', () => {
    const mask = createMask(SECRET);
    const body = Buffer.from(`${RANDOM}${RANDOM.slice(0, 63)}`.repeat(20_000));
    expect(mask.bytes(body).includes(RANDOM)).toBe(false);
  });
});
