import { isatty } from 'node:tty';

const STANDARD_OUTPUT = 1;

/**
 * Says later whether standard output was a terminal at the time of this call and that terminal has
 * been closed since: the system then refuses every question about it (EIO).
 */
export function watchTerminal(): () => boolean {
  const wasTerminal = isatty(STANDARD_OUTPUT);
  return () => wasTerminal && !isatty(STANDARD_OUTPUT);
}
