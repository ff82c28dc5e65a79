import { createLogger as createWinstonLogger, format, transports } from 'winston';
import type { Masker } from './mask.ts';

/** The levels, most severe first, under the names the configuration uses. */
export const LOG_LEVELS = ['CRITICAL', 'ERROR', 'WARNING', 'INFO', 'DEBUG'] as const;

/** The name of a level. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Named values that go with a line. They are written as JSON; Errors become message, code and cause. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes structured lines. One line an event; it is masked before it leaves the process. */
export interface Logger {
  log(level: LogLevel, message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warning(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  critical(message: string, fields?: LogFields): void;
}

/** What a process decides about its log. */
export interface LoggerOptions {
  /** The process that speaks: `launcher`, `kms`, `gateway`. */
  component: string;
  level: LogLevel;
  /** `auto` is pretty on a terminal and JSON elsewhere. */
  format: 'json' | 'pretty' | 'auto';
  masker: Masker;
}

interface Line {
  time: string;
  level: LogLevel;
  component: string;
  message: string;
  fields: LogFields;
}

const SEVERITY = Object.fromEntries(LOG_LEVELS.map((level, rank) => [level, rank]));
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
  const cause = value.cause === undefined ? {} : { cause: value.cause };
  return { error: value.message, ...code, ...cause };
}

/** A circular or throwing field must not take the event, or the process, with it. */
function stringify(value: unknown, context: object = {}): string {
  try {
    return JSON.stringify(value, readable);
  } catch (error) {
    return JSON.stringify({ ...context, unprintable: String(error) });
  }
}

function json({ fields, ...head }: Line): string {
  return stringify({ ...head, ...fields, ...head }, head); // the head comes first, and no field replaces it
}

/** Control characters could forge a line or drive the terminal; a stack may keep its line breaks. */
const printable = (text: string) =>
  text.replaceAll(/(?!\n)\p{Cc}/gu, (character) => `\\x${character.charCodeAt(0).toString(16)}`);

function pretty({ time, level, component, message, fields }: Line, colour: boolean): string {
  const paint = (code: number, text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const { stack, ...others } = fields;
  const pairs = Object.entries(others).map(([name, value]) => {
    const text =
      typeof value === 'string' && /^[\w./:@%+-]+$/.test(value) ? value : stringify(value);
    return ` ${paint(GREY, `${name}=`)}${printable(text)}`;
  });
  const head = `${paint(GREY, time.slice(11, 23))} ${paint(COLOUR[level], level.padEnd(8))}`;
  const trace = typeof stack === 'string' ? `\n${paint(GREY, printable(stack))}` : '';
  return `${head} ${component.padEnd(8)} ${printable(message)}${pairs.join('')}${trace}`;
}

/** Creates the process's logger, which writes to standard output. */
export function createLogger(options: LoggerOptions): Logger {
  const onTerminal = process.stdout.isTTY;
  const colour = onTerminal && process.stdout.hasColors();
  const isPretty = options.format === 'pretty' || (options.format === 'auto' && onTerminal);
  const layout = isPretty ? (line: Line) => pretty(line, colour) : json;
  // Lines that nobody takes any more are lost; they must not end the service.
  process.stdout.on('error', () => undefined);
  const winston = createWinstonLogger({
    levels: SEVERITY,
    level: options.level,
    format: format.printf((info) => options.masker.mask(layout(info as unknown as Line))), // made by write()
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- winston declares its transports as interfaces
    transports: [new transports.Console()],
  });
  const write = (level: LogLevel, message: string, fields: LogFields = {}) => {
    const time = new Date().toISOString();
    winston.log({ time, level, component: options.component, message, fields });
  };
  return {
    log: write,
    debug: (message, fields) => write('DEBUG', message, fields),
    info: (message, fields) => write('INFO', message, fields),
    warning: (message, fields) => write('WARNING', message, fields),
    error: (message, fields) => write('ERROR', message, fields),
    critical: (message, fields) => write('CRITICAL', message, fields),
  };
}
