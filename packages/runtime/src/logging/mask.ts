const KEY_SHAPE = /sk-or-[\w-]{4,}/g;
const MASK = '***';
const SHORTEST = 6;

/** Replaces every known secret, and everything shaped like an OpenRouter key, in a text. */
export interface Masker {
  /** Adds values to hide. Values shorter than 6 characters are left out: they would hide ordinary words. */
  add(...secrets: readonly string[]): void;
  mask(text: string): string;
}

/** The forms of a secret in a text: plain, in JSON, in a URL. */
function spellings(secret: string): string[] {
  return [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret.toWellFormed())];
}

const hasKeyShape = (text: string) => text.replace(KEY_SHAPE, '') === '';

/** Creates a masker that knows no value yet. */
export function createMasker(): Masker {
  let known: string[] = [];
  return {
    add(...secrets) {
      const added = secrets.filter((secret) => secret.length >= SHORTEST).flatMap(spellings);
      known = [...new Set([...known, ...added])]
        .filter((secret) => !hasKeyShape(secret)) // masked by KEY_SHAPE
        .sort((a, b) => b.length - a.length); // a secret that begins another must not uncover its end
    },
    mask(text) {
      const masked = known.reduce((rest, secret) => rest.replaceAll(secret, MASK), text);
      return masked.replaceAll(KEY_SHAPE, MASK);
    },
  };
}
