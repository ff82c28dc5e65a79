import type { Socket } from 'node:net';
import { MessageReader, type Message } from './http-message.ts';

/** One end of a TCP connection: sends bytes as they are, and records every byte of the other side. */
export class RawConnection {
  readonly socket: Socket;
  readonly reader: MessageReader;
  readonly #chunks: Buffer[] = [];
  #state: 'open' | 'ended' | 'reset' = 'open';
  #changed = Promise.withResolvers<undefined>();

  constructor(socket: Socket, reads: 'request' | 'response') {
    this.socket = socket;
    this.reader = new MessageReader(reads);
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.reader.feed(chunk);
      this.#change();
    });
    const end = (state: 'ended' | 'reset') => {
      if (this.#state !== 'reset') this.#state = state;
      this.#change();
    };
    socket.on('error', (error: NodeJS.ErrnoException) => {
      end(['ECONNRESET', 'EPIPE'].includes(error.code ?? '') ? 'reset' : 'ended');
    });
    socket.on('end', () => end('ended'));
    socket.on('close', () => end('ended'));
  }

  /** Everything the other side has sent. */
  get received(): string {
    return Buffer.concat(this.#chunks).toString('latin1');
  }

  /** How the other side ended the connection: in order, by a reset, or not so far. */
  get state(): 'open' | 'ended' | 'reset' {
    return this.#state;
  }

  send(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Closes with a RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** The nth message of the other side, complete; or what there is of it when the connection ends. */
  async message(index = 0): Promise<Message> {
    while (this.reader.messages[index] === undefined && this.#state === 'open') {
      await this.#changed.promise;
    }
    const message = this.reader.messages[index] ?? this.reader.unfinished;
    if (message === undefined) throw new Error(`the connection ended: ${this.received}`);
    return message;
  }

  /** Resolves once `text` has come. */
  async until(text: string): Promise<void> {
    while (!this.received.includes(text)) {
      if (this.#state !== 'open') throw new Error(`the connection ended: ${this.received}`);
      await this.#changed.promise;
    }
  }

  /** Resolves when the other side has ended the connection, either way. */
  async ended(): Promise<void> {
    while (this.#state === 'open') await this.#changed.promise;
  }

  #change(): void {
    this.#changed.resolve(undefined);
    this.#changed = Promise.withResolvers();
  }
}
