import { Writable } from 'node:stream';

/** What is written in one turn waits for its end, but not beyond this many characters. */
const WRITE_AT = 65_536;

/**
 * Takes lines, and passes those of one turn of the event loop on in one write: a system call for each
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
      lines += line;
      if (lines.length >= WRITE_AT) flush();
      done();
    },
  });
}
