/** What a command finds around it, and a test puts in its place. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** How wide the terminal is; where there is none, there is no end to a line. */
  readonly columns: number;
  readonly rows: number;
  /** Output goes to a terminal. */
  readonly isTerminal: boolean;
  readonly colour: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Aborts when the person has had enough: Ctrl-C. */
  readonly interrupted: AbortSignal;
}

const WIDEST = 10_000;

/** The process's own. */
export function processIo(): Io {
  const { stdout, stderr, env } = process;
  // A reader that has seen enough closes the pipe: `kms keys | head`.
  stdout.on('error', (error: NodeJS.ErrnoException) =>
    process.exit(error.code === 'EPIPE' ? 0 : 1),
  );
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    get columns() {
      return stdout.isTTY ? stdout.columns : WIDEST;
    },
    get rows() {
      return stdout.isTTY ? stdout.rows : WIDEST;
    },
    isTerminal: stdout.isTTY,
    colour: stdout.isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
    env,
    cwd: process.cwd(),
    now: () => Date.now(),
    interrupted: interrupt.signal,
  };
}
