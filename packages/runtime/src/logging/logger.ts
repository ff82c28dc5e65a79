import { createLogger as createWinstonLogger, format, transports } from 'winston';
import {
  LOG_LEVELS,
  isPretty,
  jsonLine,
  prettyLine,
  type LogFields,
  type LogFormat,
  type LogLevel,
  type Line,
} from './log-line.ts';
import { logOutput } from './log-output.ts';
import type { Masker } from './mask.ts';

/** Writes structured log lines, with secrets masked. */
export interface Logger {
  log(level: LogLevel, message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warning(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  critical(message: string, fields?: LogFields): void;
}

/** The main logger of a process, whose level can be changed. */
export interface ProcessLogger extends Logger {
  /** Sets the lowest level that is written. */
  setLevel(level: LogLevel): void;
}

/** Options of a logger. */
export interface LoggerOptions {
  /** The process: `launcher`, `kms`, `gateway`. */
  component: string;
  level: LogLevel;
  format: LogFormat;
  masker: Masker;
}

/** Every logger of the process writes to it. */
const output = logOutput(process.stdout);
// A closed log pipe loses lines, and must not end the service.
process.stdout.on('error', () => undefined);

const SEVERITY = Object.fromEntries(LOG_LEVELS.map((level, rank) => [level, rank]));

/** Creates the process's logger, which writes to standard output. */
export function createLogger(options: LoggerOptions): ProcessLogger {
  const colour = process.stdout.isTTY && process.stdout.hasColors();
  const layout = isPretty(options.format) ? (line: Line) => prettyLine(line, colour) : jsonLine;
  const winston = createWinstonLogger({
    levels: SEVERITY,
    level: options.level,
    format: format.printf((info) => options.masker.mask(layout(info as unknown as Line))), // made by write()
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- winston declares its transports as interfaces
    transports: [new transports.Stream({ stream: output, eol: '\n' })],
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
    setLevel: (level) => {
      winston.level = level;
    },
  };
}
