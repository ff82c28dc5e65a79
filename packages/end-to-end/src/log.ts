/** A line of the JSON log. */
export interface LogLine {
  level: string;
  component: string;
  message: string;
  [field: string]: unknown;
}

/** How long {@link Log.line} waits: a line that does not come by then is missing. */
const LINE_WITHIN_MS = 2 * 60_000;

/** Output of a program: all of its text, and those of its lines that are JSON. */
export class Log {
  readonly lines: LogLine[] = [];
  #text = '';
  #unfinished = '';
  #isClosed = false;
  readonly #waiting = new Set<() => void>();

  get text(): string {
    return this.#text;
  }

  /** Forgets the text, and keeps none that comes later. */
  close(): void {
    this.#isClosed = true;
    this.#text = '';
    this.lines.length = 0;
  }

  take(chunk: string): void {
    if (this.#isClosed) return;
    this.#text += chunk;
    const pieces = (this.#unfinished + chunk).split('\n');
    this.#unfinished = pieces.pop() ?? '';
    for (const piece of pieces) {
      if (piece.startsWith('{')) this.lines.push(JSON.parse(piece) as LogLine);
    }
    for (const look of this.#waiting) look();
  }

  /** Resolves with the first line, past or future, that fits; rejects if none comes. */
  async line(fits: (line: LogLine) => boolean): Promise<LogLine> {
    const found = Promise.withResolvers<LogLine>();
    const look = () => {
      const line = this.lines.find(fits);
      if (line !== undefined) found.resolve(line);
    };
    this.#waiting.add(look);
    look();
    const timer = setTimeout(
      () => found.reject(new Error(`No such line in the log:\n${this.#text}`)),
      LINE_WITHIN_MS,
    );
    try {
      return await found.promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(look);
    }
  }
}
