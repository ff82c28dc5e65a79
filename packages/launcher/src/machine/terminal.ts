import { isatty } from 'node:tty';

const STANDARD_OUTPUT = 1;

/**
 * Returns a function that tells whether the terminal on standard output has been closed since this call:
 * the system then answers EIO. It returns false if there was no terminal.
 */
export function watchTerminal(): () => boolean {
  const wasTerminal = isatty(STANDARD_OUTPUT);
  return () => wasTerminal && !isatty(STANDARD_OUTPUT);
}
