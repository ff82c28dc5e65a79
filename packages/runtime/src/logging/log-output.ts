import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

/** The largest atomic write to a pipe that several processes share (pipe(7), PIPE_BUF). */
const UNDIVIDED = 4_096;

/**
 * Collects the lines of one event-loop turn and writes them together: a system call for each line would
 * cost more than formatting it. Flushes when the process exits.
 */
export function logOutput(target: NodeJS.WriteStream): Writable {
  let lines = '';
  const flush = () => {
    if (lines === '') return;
    const text = lines;
    lines = '';
    target.write(text);
  };
  process.on('exit', flush);
  return new Writable({
    decodeStrings: false,
    write(line: string, _encoding, done) {
      if (lines === '') setImmediate(flush);
      else if (lines.length + line.length > UNDIVIDED) flush();
      lines += line;
      done();
    },
  });
}

/** Maximum wait until the log's reader has taken the last lines. */
const LAST_LINES_MS = 1_000;

/** Resolves when standard output is flushed, or after 1 s. */
export async function outputTaken(): Promise<void> {
  await new Promise(setImmediate); // the lines of this turn
  const taken = new Promise<void>((resolve) => {
    process.stdout.write('', () => resolve());
  });
  await Promise.race([taken, sleep(LAST_LINES_MS, undefined, { ref: false })]);
}
