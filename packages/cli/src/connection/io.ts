/** The terminal and the clock; tests replace them. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** The width of the terminal; unlimited without a terminal. */
  readonly columns: number;
  readonly rows: number;
  /** Whether output goes to a terminal. */
  readonly isTerminal: boolean;
  readonly colour: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Aborts at Ctrl-C. */
  readonly interrupted: AbortSignal;
}

const WIDEST = 10_000;

/** The terminal and the clock of the process. */
export function processIo(): Io {
  const { stdout, stderr, env } = process;
  // A reader may close the pipe early: `kms keys | head`.
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
