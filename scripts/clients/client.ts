/** What a client is told about the gateway, and about the folders of its own. */
export interface Place {
  /** The gateway's URL, without a path. */
  readonly url: string;
  readonly accessKey: string;
  /** A model that the fake knows. */
  readonly model: string;
  /** A home folder of its own; empty but for `files`. */
  readonly home: string;
  /** The folder it works in; holds `note.txt`. */
  readonly work: string;
  /** The folder that its packages are installed in. */
  readonly packages: string;
  /** A free port, for a server of its own. */
  readonly port: number;
}

/** A client program: which it is, how it is set up, and how it is called. */
export interface Client {
  readonly name: string;
  /** npm packages with their versions. The first is the client, and gives the version in the matrix. */
  readonly packages: readonly string[];
  /** A tool that it offers to the model, with arguments that it accepts; null: it offers none. */
  readonly tool: ((place: Place) => { readonly name: string; readonly input: object }) | null;
  /** The command line. Its first word is a path below `node_modules`, or a file of `programs/`. */
  readonly command: (place: Place, prompt: string) => readonly string[];
  readonly environment?: (place: Place) => Readonly<Record<string, string>>;
  /** Its settings: paths below its home, and what they hold. */
  readonly files?: (place: Place) => Readonly<Record<string, string | object>>;
  /** A command line that sets it up. */
  readonly setUp?: (place: Place) => readonly string[];
  /** It asks for whole answers, not for streams. */
  readonly isUnstreamed?: true;
  /** The command line of a server of its own, which runs beside it. */
  readonly server?: (place: Place) => readonly string[];
}
