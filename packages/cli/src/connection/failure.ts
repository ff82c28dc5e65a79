/** The exit codes of commands (69 is EX_UNAVAILABLE of sysexits.h). */
export const EXIT_CODE = {
  done: 0,
  /** The service or the configuration refused it. */
  refused: 1,
  /** Wrong usage. */
  usage: 2,
  /** The key service cannot be reached. */
  unreachable: 69,
} as const;
export type Ending = keyof typeof EXIT_CODE;

/** A failed command. The message says what to do next. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly ending: Exclude<Ending, 'done'>;

  constructor(ending: Exclude<Ending, 'done'>, message: string, options?: ErrorOptions) {
    super(message, options);
    this.ending = ending;
  }
}
