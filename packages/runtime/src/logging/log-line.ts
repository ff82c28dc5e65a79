/** The levels, most severe first, under the names the configuration uses. */
export const LOG_LEVELS = ['CRITICAL', 'ERROR', 'WARNING', 'INFO', 'DEBUG'] as const;

/** The name of a level. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Named values that go with a line. They are written as JSON; Errors become message, code and cause. */
export type LogFields = Readonly<Record<string, unknown>>;

/** How lines look: `auto` is pretty on a terminal and JSON elsewhere. */
export type LogFormat = 'json' | 'pretty' | 'auto';

/** Whether standard output is written for a person in this format. */
export const isPretty = (format: LogFormat) =>
  format === 'pretty' || (format === 'auto' && process.stdout.isTTY);

/** An event, as it is written. */
export interface Line {
  /** In UTC, as ISO 8601 has it. */
  time: string;
  level: LogLevel;
  component: string;
  message: string;
  fields: LogFields;
}

const COLOUR: Record<LogLevel, number> = {
  CRITICAL: 35,
  ERROR: 31,
  WARNING: 33,
  INFO: 32,
  DEBUG: 90,
};
const GREY = 90;

/** Makes of a field what JSON can hold: an Error's own properties are hidden, a bigint is refused. */
function readable(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (!(value instanceof Error)) return value;
  const code = 'code' in value ? { code: value.code } : {};
  const says = value.cause instanceof Error ? value.cause.message : undefined;
  const cause = value.cause === undefined || says === value.message ? {} : { cause: value.cause };
  return { error: value.message, ...code, ...cause };
}

type Replacer = typeof readable;

/** Nothing for what JSON leaves out (undefined, functions, symbols), of which its declared type says nothing. */
const asJson: (value: unknown, replacer: Replacer | null) => string | undefined = (
  value,
  replacer,
) => JSON.stringify(value, replacer ?? undefined);

/** A circular or throwing field must not take the event, or the process, with it. */
function stringify(
  value: unknown,
  context: object = {},
  replacer: Replacer | null = readable,
): string {
  try {
    return asJson(value, replacer) ?? '';
  } catch (error) {
    const unprintable = error instanceof Error ? error.message : typeof error;
    return JSON.stringify({ ...context, unprintable });
  }
}

/** What JSON holds as it is: to know that beforehand is cheaper than to have each value looked at. */
const isPlain = (value: unknown) =>
  value === null || (typeof value !== 'object' && typeof value !== 'bigint');

/** The event as an object of JSON, which begins with what every event has. */
export function jsonLine({ fields, ...head }: Line): string {
  const replacer = Object.values(fields).every(isPlain) ? null : readable;
  return stringify({ ...head, ...fields, ...head }, head, replacer); // the head comes first, and no field replaces it
}

/** Control characters could forge a line or drive the terminal. */
const printable = (text: string) =>
  text.replaceAll(/\p{Cc}/gu, (character) => `\\x${character.charCodeAt(0).toString(16)}`);

const padded = (number: number, digits: number) => String(number).padStart(digits, '0');

/** The time of day on this machine's clock, which the `kms` command shows too. */
function localTime(time: string): string {
  const at = new Date(time);
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => padded(part, 2));
  return `${clock.join(':')}.${padded(at.getMilliseconds(), 3)}`;
}

const UTC_INSTANT = /^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/;

/** An instant in UTC as one of this machine's clock: `2026-11-23T08:00:00.000`. */
function localInstant(time: string): string {
  const at = new Date(time);
  const day = [at.getFullYear(), padded(at.getMonth() + 1, 2), padded(at.getDate(), 2)].join('-');
  return `${day}T${localTime(time)}`;
}

/** Plain words stand as they are, everything else as JSON; a person need not read what there is not. */
const fieldText = (value: unknown) => {
  if (value === null) return '';
  if (typeof value === 'string' && UTC_INSTANT.test(value)) return localInstant(value);
  return typeof value === 'string' && /^[\w./:@%+-]+$/.test(value)
    ? value
    : printable(stringify(value));
};

/** The event for a person's eyes; a stack follows on lines of its own. */
export function prettyLine(
  { time, level, component, message, fields }: Line,
  colour: boolean,
): string {
  const paint = (code: number, text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const { stack, ...others } = fields;
  const pairs = Object.entries(others)
    .map(([name, value]) => ({ name: printable(name), text: fieldText(value) }))
    .filter(({ text }) => text !== '')
    .map(({ name, text }) => ` ${paint(GREY, `${name}=`)}${text}`);
  const head = `${paint(GREY, localTime(time))} ${paint(COLOUR[level], level.padEnd(8))}`;
  const trace = typeof stack === 'string' ? stack.split('\n').map(printable) : [];
  const line = `${head} ${component.padEnd(8)} ${printable(message)}${pairs.join('')}`;
  return [line, ...trace.map((row) => paint(GREY, row))].join('\n');
}
