import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMasker } from './mask.ts';

/** Secrets as they occur: letters that need no quoting, and any text at all. */
const token = fc.stringMatching(/^[\w-]{6,48}$/);
const anyText = fc
  .string({ unit: 'binary', minLength: 6, maxLength: 40 })
  .filter((secret) => !secret.includes('*'));

describe('a masker', () => {
  it('leaves nothing of any known secret, whatever stands around it', () => {
    fc.assert(
      fc.property(fc.array(token, { minLength: 1 }), fc.array(fc.string()), (secrets, words) => {
        const masker = createMasker();
        masker.add(...secrets);
        const text = secrets.map((secret, index) => (words[index] ?? '') + secret).join('');
        const masked = masker.mask(text);
        for (const secret of secrets) expect(masked).not.toContain(secret);
      }),
    );
  });

  it('finds a secret inside JSON and inside a URL', () => {
    fc.assert(
      fc.property(anyText, (secret) => {
        const masker = createMasker();
        masker.add(secret);
        const url = encodeURIComponent(secret.toWellFormed());
        expect(masker.mask(JSON.stringify({ secret }))).toBe('{"secret":"***"}');
        expect(masker.mask(`https://user:${url}@proxy`)).toBe('https://user:***@proxy');
      }),
    );
  });

  it('hides the whole of a secret that begins with another', () => {
    const masker = createMasker();
    masker.add('abcdef', 'abcdefghijkl');
    expect(masker.mask('abcdefghijkl and abcdef')).toBe('*** and ***');
  });

  it('hides what looks like an OpenRouter key without knowing it', () => {
    const key = `sk-or-v1-${'0a'.repeat(32)}`;
    expect(createMasker().mask(`refused: ${key}!`)).toBe('refused: ***!');
  });

  it('hides a known key that has letters no key should have', () => {
    const masker = createMasker();
    masker.add('sk-or-v1-äöü.tail');
    expect(masker.mask('used sk-or-v1-äöü.tail')).toBe('used ***');
  });

  it('does not hide ordinary words for the sake of a short secret', () => {
    const masker = createMasker();
    masker.add('', 'key');
    expect(masker.mask('the key is cooling')).toBe('the key is cooling');
  });

  it('leaves a text without secrets as it is', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!text.includes('sk-or-'));
        expect(createMasker().mask(text)).toBe(text);
      }),
    );
  });
});
