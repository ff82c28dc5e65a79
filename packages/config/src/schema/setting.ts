import { availableParallelism } from 'node:os';
import * as z from 'zod';
import { formatByteSize, parseByteSize } from '../values/byte-size.ts';
import { formatDuration, parseDuration } from '../values/duration.ts';
import { withOutput } from './setting-output.ts';
import { mustBe, type Quoting, type Reading } from '../values/reading.ts';

/** The JSON Schema of a setting, for editors. */
type EditorHint = Readonly<Record<string, unknown>>;

/**
 * A schema for one setting. All its messages come from `read`, so that none of them quotes a secret.
 * `output` describes the value that `read` returns, for the processes that receive it.
 */
export function setting<T>(
  read: (value: unknown) => Reading<T>,
  output: z.ZodType<T>,
  hint: EditorHint,
) {
  const schema = z.unknown().transform((value, context): T => {
    const reading = read(value);
    if ('value' in reading) return reading.value;
    context.addIssue({ code: 'custom', message: reading.problem });
    return z.NEVER;
  });
  return withOutput(schema.meta(hint), output);
}

const FLAGS = new Map(
  Object.entries({ true: true, yes: true, on: true, false: false, no: false, off: false }),
);

const toFlag = (value: unknown) =>
  typeof value === 'boolean' || typeof value === 'string'
    ? FLAGS.get(String(value).toLowerCase())
    : undefined;

/** True or false, also as written in YAML 1.1: `yes`, `on`, `no`, `off`. */
export const flag = (options?: Quoting) =>
  setting(mustBe('`true` or `false`', toFlag, options), z.boolean(), { type: 'boolean' });

const DIGITS = /^\d{1,15}$/;

/** A whole number, also in quotes. */
export function wholeNumber(minimum: number, maximum: number) {
  const convert = (value: unknown) => {
    const number = typeof value === 'string' && DIGITS.test(value) ? Number(value) : value;
    const fits = Number.isInteger(number) && Number(number) >= minimum && Number(number) <= maximum;
    return fits ? Number(number) : undefined;
  };
  const expected = `a whole number from ${minimum} to ${maximum}`;
  return setting(mustBe(expected, convert), z.int(), { type: 'integer', minimum, maximum });
}

/** How many processes share the work; `auto` is one for each processor. */
export function processCount(maximum: number) {
  const convert = (value: unknown) => {
    if (value === 'auto') return Math.min(availableParallelism(), maximum);
    const number = typeof value === 'string' && DIGITS.test(value) ? Number(value) : value;
    return Number.isInteger(number) ? within(Number(number), 1, maximum) : undefined;
  };
  const expected = `a whole number from 1 to ${maximum}, or \`auto\``;
  return setting(mustBe(expected, convert), z.int(), {
    type: ['integer', 'string'],
    minimum: 1,
    maximum,
  });
}

/** One of a few words, in upper or lower case; `synonyms` are words that stand for one of them. */
export function choice<const T extends string>(
  values: readonly T[],
  synonyms: Readonly<Record<string, T>> = {},
) {
  const words = new Map(
    [...values.map((value) => [value, value] as const), ...Object.entries(synonyms)].map(
      ([word, value]) => [word.toLowerCase(), value],
    ),
  );
  const expected = `one of ${values.map((value) => `\`${value}\``).join(', ')}`;
  const convert = (value: unknown) =>
    typeof value === 'string' ? words.get(value.trim().toLowerCase()) : undefined;
  return setting(mustBe(expected, convert), z.enum(values), { type: 'string', enum: values });
}

const within = (number: number | undefined, minimum: number, maximum: number) =>
  number !== undefined && number >= minimum && number <= maximum ? number : undefined;

/** A duration in milliseconds, within limits given in milliseconds. */
export function duration(minimum: number, maximum: number) {
  const range = `from ${formatDuration(minimum)} to ${formatDuration(maximum)}`;
  return setting(
    mustBe(`a duration ${range}, such as \`30s\``, (value) =>
      within(parseDuration(value), minimum, maximum),
    ),
    z.int().nonnegative(),
    { type: ['string', 'number'], pattern: '^\\s*\\d+(\\.\\d+)? ?(ms|s|m|h)?\\s*$', minimum: 0 },
  );
}

/** A size in bytes, within limits given in bytes. */
export function byteSize(minimum: number, maximum: number) {
  const range = `from ${formatByteSize(minimum)} to ${formatByteSize(maximum)}`;
  return setting(
    mustBe(`a size ${range}, such as \`64MiB\``, (value) =>
      within(parseByteSize(value), minimum, maximum),
    ),
    z.int().nonnegative(),
    {
      type: ['string', 'number'],
      pattern: '^\\s*\\d+(\\.\\d+)? ?([kKmMgG][iI]?[bB]|[bB])?\\s*$',
      minimum: 0,
    },
  );
}

const matching = (pattern: RegExp) => (value: unknown) =>
  typeof value === 'string' && pattern.test(value) ? value : undefined;

/** A text that matches a pattern; `expected` describes it for messages. */
export const text = (expected: string, pattern: RegExp, options?: Quoting) =>
  setting(mustBe(expected, matching(pattern), options), z.string(), {
    type: 'string',
    pattern: pattern.source,
  });

/** A path in the file system. */
export const path = () => text('a path', /^[^\0]+$/);

/** A list; an empty value, as in `name:`, is an empty list. */
export const list = <T extends z.ZodType>(element: T, maximum: number) =>
  z.preprocess((value) => value ?? [], z.array(element).max(maximum));
