import { createMasker } from '@openrouter-proxy/runtime';

const LONGEST = 40;
const masker = createMasker();

/** The type of a value in words for a person. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (typeof value === 'string') return 'a text';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a mapping' : `a ${typeof value}`;
}

/** The text without anything that looks like a key. */
export const masked = (text: string): string => masker.mask(text);

/** A value for a message: short, on one line, with keys masked. */
export function shown(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') return kindOf(value);
  const text = masked(value);
  return JSON.stringify(text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
}
