import type { Whereabouts } from '../connection/connection.ts';
import type { Ending } from '../connection/failure.ts';
import type { Io } from '../connection/io.ts';
import type { Paint } from '../terminal/style.ts';

/** What every command knows: where the service is, and how its output is to look. */
export interface Context {
  readonly io: Io;
  readonly where: Whereabouts;
  readonly json: boolean;
  readonly paint: Paint;
}

/** The values of options, by their names. */
export type Options = Readonly<Record<string, string | boolean | undefined>>;

/** An option of a command. */
export interface CommandOption {
  /** As in `--for <time>`. */
  readonly flags: string;
  readonly description: string;
  readonly choices?: readonly string[];
  readonly required?: boolean;
}

/** What may be completed in the place of an argument. */
export type ArgumentKind = 'key' | 'file' | 'shell' | 'text';

/** A command: help, completion and documentation are made from these. */
export interface Command {
  /** With its group, if it has one: `config show`. */
  readonly name: string;
  readonly summary: string;
  readonly argument?: {
    readonly name: string;
    readonly description: string;
    readonly kind: ArgumentKind;
    readonly choices?: readonly string[];
  };
  readonly options?: readonly CommandOption[];
  /** Command lines worth showing, each with what it does. */
  readonly examples: readonly (readonly [line: string, does: string])[];
  /** What `--json` prints: a method's result, or words for it. */
  readonly json: string;
  run(context: Context, argument: string, options: Options): Promise<Ending>;
}

/** Prints a document for programs. */
export function printJson({ io }: Context, document: unknown): void {
  io.out(`${JSON.stringify(document, null, 2)}\n`);
}
