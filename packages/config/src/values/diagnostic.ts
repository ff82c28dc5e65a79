import type { Path } from './value-path.ts';

/** An error or a warning about a value of the configuration. */
export interface Diagnostic {
  readonly path: Path;
  /** Completes "PATH: …"; or is a whole sentence, if it names the path itself. Holds no secret. */
  readonly text: string;
  readonly standsAlone?: boolean;
}
