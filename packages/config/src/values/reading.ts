import { kindOf, shown } from './shown.ts';

/** The meaning of a value of the file, or why it has none. The problem completes "NAME: …". */
export type Reading<T> = { readonly value: T } | { readonly problem: string };

/** Whether a message may quote the value. */
export interface Quoting {
  readonly isQuoted: boolean;
}

/**
 * Reads with `convert`, which returns undefined for a value that is not as `expected` says ("must be …").
 * A value next to secrets is not quoted: it may be a secret in the wrong place.
 */
export function mustBe<T>(
  expected: string,
  convert: (value: unknown) => T | undefined,
  { isQuoted }: Quoting = { isQuoted: true },
): (value: unknown) => Reading<T> {
  return (value) => {
    const converted = convert(value);
    if (converted !== undefined) return { value: converted };
    if (value === undefined) return { problem: `is missing: it must be ${expected}` };
    return { problem: `must be ${expected}, got ${isQuoted ? shown(value) : kindOf(value)}` };
  };
}
