import type { Whereabouts } from '../connection/connection.ts';
import type { Ending } from '../connection/failure.ts';
import type { Io } from '../connection/io.ts';
import type { Paint } from '../terminal/style.ts';

/** The context of a command: the service's location and the style of the output. */
export interface Context {
  readonly io: Io;
  readonly where: Whereabouts;
  readonly json: boolean;
  readonly paint: Paint;
}

/** Option values by name. */
export type Options = Readonly<Record<string, string | boolean | undefined>>;

/** An option of a command. */
export interface CommandOption {
  /** As in `--for <time>`. */
  readonly flags: string;
  readonly description: string;
  readonly choices?: readonly string[];
  readonly required?: boolean;
}

/** How to complete an argument. */
export type ArgumentKind = 'key' | 'file' | 'shell' | 'text';

/** A command. Help, completion and documentation are generated from it. */
export interface Command {
  /** Includes its group, as in `config show`. */
  readonly name: string;
  readonly summary: string;
  readonly argument?: {
    readonly name: string;
    readonly description: string;
    readonly kind: ArgumentKind;
    readonly choices?: readonly string[];
  };
  readonly options?: readonly CommandOption[];
  /** Example command lines, each with a description. */
  readonly examples: readonly (readonly [line: string, does: string])[];
  /** The output of `--json`: the name of a method whose result it is, or a description. */
  readonly json: string;
  run(context: Context, argument: string, options: Options): Promise<Ending>;
}

/** Prints JSON. */
export function printJson({ io }: Context, document: unknown): void {
  io.out(`${JSON.stringify(document, null, 2)}\n`);
}
