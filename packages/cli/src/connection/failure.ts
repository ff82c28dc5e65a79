/** How a command ends: the exit code (sysexits.h has 69). */
export const EXIT_CODE = {
  done: 0,
  /** The service, or the configuration, does not allow it. */
  refused: 1,
  /** The command line means nothing. */
  usage: 2,
  /** The key service cannot be reached. */
  unreachable: 69,
} as const;
export type Ending = keyof typeof EXIT_CODE;

/** Why a command did not do what it was asked to; the message says what to do about it. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly ending: Exclude<Ending, 'done'>;

  constructor(ending: Exclude<Ending, 'done'>, message: string, options?: ErrorOptions) {
    super(message, options);
    this.ending = ending;
  }
}
