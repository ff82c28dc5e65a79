import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

/** As much as one write to a pipe passes on undivided, however many processes write to it (pipe(7), PIPE_BUF). */
const UNDIVIDED = 4_096;

/**
 * Takes lines, and passes those of one turn of the event loop on in few writes: a system call for each
 * would cost more than all the rest of a line. Nothing is left behind when the process exits.
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

/** How long a reader of the log may take for the last of it. */
const LAST_LINES_MS = 1_000;

/** Resolves when what was written to standard output has been taken, or after a second. */
export async function outputTaken(): Promise<void> {
  await new Promise(setImmediate); // the lines of this turn
  const taken = new Promise<void>((resolve) => {
    process.stdout.write('', () => resolve());
  });
  await Promise.race([taken, sleep(LAST_LINES_MS, undefined, { ref: false })]);
}
