/** The levels, most severe first, under the names the configuration uses. */
export const LOG_LEVELS = ['CRITICAL', 'ERROR', 'WARNING', 'INFO', 'DEBUG'] as const;

/** The name of a level. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Named values that go with a line. They are written as JSON; Errors become message, code and cause. */
export type LogFields = Readonly<Record<string, unknown>>;

/** The format of log lines: `auto` is pretty on a terminal and JSON elsewhere. */
export type LogFormat = 'json' | 'pretty' | 'auto';

/** Whether standard output is written for a person in this format. */
export const isPretty = (format: LogFormat) =>
  format === 'pretty' || (format === 'auto' && process.stdout.isTTY);

/** One log line. */
export interface Line {
  /** ISO 8601, in UTC. */
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

/** Converts values that JSON.stringify cannot handle: it drops an Error's properties and refuses a bigint. */
function readable(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (!(value instanceof Error)) return value;
  const code = 'code' in value ? { code: value.code } : {};
  const says = value.cause instanceof Error ? value.cause.message : undefined;
  const cause = value.cause === undefined || says === value.message ? {} : { cause: value.cause };
  return { error: value.message, ...code, ...cause };
}

type Replacer = typeof readable;

/** JSON.stringify with its true type: it returns undefined for undefined, functions and symbols. */
const asJson: (value: unknown, replacer: Replacer | null) => string | undefined = (
  value,
  replacer,
) => JSON.stringify(value, replacer ?? undefined);

/** A circular or throwing field must lose neither the line nor the process. */
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

/** Values that need no replacer. Checking them first is cheaper than a replacer call for each value. */
const isPlain = (value: unknown) =>
  value === null || (typeof value !== 'object' && typeof value !== 'bigint');

/** The line as JSON. Time, level, component and message come first. */
export function jsonLine({ fields, ...head }: Line): string {
  const replacer = Object.values(fields).every(isPlain) ? null : readable;
  return stringify({ ...head, ...fields, ...head }, head, replacer); // the head comes first, and no field replaces it
}

/** Control characters could forge a line or drive the terminal. */
const printable = (text: string) =>
  text.replaceAll(/\p{Cc}/gu, (character) => `\\x${character.charCodeAt(0).toString(16)}`);

const padded = (number: number, digits: number) => String(number).padStart(digits, '0');

/** The local time of day, as the `kms` command shows it. */
function localTime(time: string): string {
  const at = new Date(time);
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => padded(part, 2));
  return `${clock.join(':')}.${padded(at.getMilliseconds(), 3)}`;
}

const UTC_INSTANT = /^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/;

/** A UTC instant in local time: `2026-11-23T08:00:00.000`. */
function localInstant(time: string): string {
  const at = new Date(time);
  const day = [at.getFullYear(), padded(at.getMonth() + 1, 2), padded(at.getDate(), 2)].join('-');
  return `${day}T${localTime(time)}`;
}

/** Plain words as they are, other values as JSON; null becomes empty and is left out. */
const fieldText = (value: unknown) => {
  if (value === null) return '';
  if (typeof value === 'string' && UTC_INSTANT.test(value)) return localInstant(value);
  return typeof value === 'string' && /^[\w./:@%+-]+$/.test(value)
    ? value
    : printable(stringify(value));
};

/** The line for people; a stack trace follows on its own lines. */
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
