/** One HTTP/1.1 message as it stood on the wire. */
export interface Message {
  startLine: string;
  headers: [name: string, value: string][];
  body: Buffer;
  framing: 'none' | 'length' | 'chunked' | 'until close';
  /** Whether its end was seen; a message framed by the close never says so itself. */
  complete: boolean;
}

/** The values of a header field, one for each line it stands on. */
export function headerLines(message: Message, name: string): string[] {
  return message.headers
    .filter(([other]) => other.toLowerCase() === name)
    .map(([, value]) => value);
}

/** The status of a response. */
export function statusOf(message: Message): number {
  return Number(message.startLine.split(' ')[1]);
}

type Phase = 'head' | 'length' | 'chunk size' | 'chunk' | 'trailers' | 'until close';

/** Reads messages from the bytes of one direction of a connection, strictly as a next hop would. */
export class MessageReader {
  readonly messages: Message[] = [];
  readonly #kind: 'request' | 'response';
  #pending: Buffer = Buffer.alloc(0);
  #body: Buffer[] = [];
  #current: Message | undefined;
  #phase: Phase = 'head';
  #left = 0;
  /** The next response answers a HEAD request. */
  bodyless = false;

  constructor(kind: 'request' | 'response') {
    this.#kind = kind;
  }

  /** What has been read of the message that is not complete yet. */
  get unfinished(): Message | undefined {
    if (this.#current === undefined) return undefined;
    return { ...this.#current, body: Buffer.concat(this.#body) };
  }

  feed(bytes: Buffer): void {
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    while (this.#step());
  }

  #step(): boolean {
    switch (this.#phase) {
      case 'head':
        return this.#readHead();
      case 'chunk size':
        return this.#readChunkSize();
      case 'trailers':
        return this.#readTrailers();
      case 'length':
      case 'chunk':
      case 'until close':
        return this.#readBody();
    }
  }

  #take(until: string): string | undefined {
    const at = this.#pending.indexOf(until);
    if (at === -1) return undefined;
    const text = this.#pending.toString('latin1', 0, at);
    this.#pending = this.#pending.subarray(at + until.length);
    return text;
  }

  #readHead(): boolean {
    const head = this.#take('\r\n\r\n');
    if (head === undefined) return false;
    const [startLine = '', ...lines] = head.split('\r\n');
    const headers = lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
    const message: Message = {
      startLine,
      headers,
      body: Buffer.alloc(0),
      framing: 'none',
      complete: false,
    };
    this.#current = message;
    this.#body = [];
    this.#frame(message);
    return true;
  }

  #frame(message: Message): void {
    const length = headerLines(message, 'content-length')[0];
    const interim = this.#kind === 'response' && [1, 204, 304].includes(bodylessClass(message));
    if (interim || this.bodyless) this.#finish();
    else if (headerLines(message, 'transfer-encoding').length > 0) {
      message.framing = 'chunked';
      this.#phase = 'chunk size';
    } else if (length !== undefined) {
      message.framing = 'length';
      this.#left = Number(length);
      this.#phase = 'length';
    } else if (this.#kind === 'request') this.#finish();
    else {
      message.framing = 'until close';
      this.#left = Infinity;
      this.#phase = 'until close';
    }
  }

  #readChunkSize(): boolean {
    const size = this.#take('\r\n');
    if (size === undefined) return false;
    this.#left = Number.parseInt(size, 16) + 2;
    this.#phase = this.#left === 2 ? 'trailers' : 'chunk';
    return true;
  }

  #readTrailers(): boolean {
    if (this.#take('\r\n') === undefined) return false;
    this.#finish();
    return true;
  }

  #readBody(): boolean {
    const piece = this.#pending.subarray(0, this.#left);
    this.#pending = this.#pending.subarray(piece.length);
    const before = this.#left;
    this.#left -= piece.length;
    const inChunk = this.#phase === 'chunk';
    // The last two bytes of a chunk are its line end.
    this.#body.push(inChunk ? piece.subarray(0, Math.max(0, before - 2)) : piece);
    if (this.#left > 0) return false;
    if (inChunk) this.#phase = 'chunk size';
    else this.#finish();
    return true;
  }

  #finish(): void {
    if (this.#current === undefined) return;
    this.messages.push({ ...this.#current, body: Buffer.concat(this.#body), complete: true });
    this.#current = undefined;
    this.#phase = 'head';
  }
}

function bodylessClass(message: Message): number {
  const status = statusOf(message);
  return status < 200 ? 1 : status;
}
