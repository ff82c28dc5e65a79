/** The exit codes of every process; service managers rely on them (sysexits.h). */
export const EXIT = {
  /** Stopped as asked. */
  ok: 0,
  /** Gave up: a crash loop, or a fault that a restart may cure. */
  gaveUp: 1,
  /** EX_TEMPFAIL: another instance is running on the same state folder. */
  alreadyRunning: 75,
  /** EX_CONFIG: the configuration must change before a start can succeed. */
  configuration: 78,
} as const;

/** One of the exit codes. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A failed start, with its exit code. Each problem is one line for a person. */
export class StartupError extends Error {
  override readonly name = 'StartupError';
  readonly exitCode: ExitCode;
  readonly problems: readonly string[];

  constructor(exitCode: ExitCode, problems: readonly string[], options?: ErrorOptions) {
    super(problems.join('\n'), options);
    this.exitCode = exitCode;
    this.problems = problems;
  }
}
