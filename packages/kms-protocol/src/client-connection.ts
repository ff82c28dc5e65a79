import type { Duplex } from 'node:stream';
import { contract } from './contract.ts';
import { parseLine, type Response } from './json-rpc.ts';
import { KmsError } from './kms-error.ts';
import { LINE_LIMITS, LineConnection } from './line-connection.ts';
import { fitsInLine, type Line } from './line-framing.ts';
import type { PendingCall } from './pending-call.ts';

/** Events of a connection. */
export interface ClientConnectionEvents {
  /** Something was answered: there is room for another call. */
  answered: () => void;
  /** An answer came for a call whose caller has given up. */
  late: (call: PendingCall, result: unknown) => void;
  /**
   * The connection is closed. Called before its calls fail, so that a retry uses another
   * connection.
   */
  closed: (reason: KmsError) => void;
}

/** One connection as the client sees it: calls go out under a number, answers find their call by it. */
export class ClientConnection {
  readonly #lines: LineConnection;
  readonly #events: ClientConnectionEvents;
  /** Calls without an answer, also those whose caller has given up: the service is still at them. */
  readonly #inFlight = new Map<number, PendingCall>();
  #lastId = 0;
  #reason: KmsError | undefined;

  constructor(stream: Duplex, events: ClientConnectionEvents) {
    this.#events = events;
    this.#lines = new LineConnection(
      stream,
      {
        line: (line) => this.#take(line),
        broken: (why) => this.close(lost(new Error(why))),
        end: () => this.close(lost()),
        close: (error) => this.#closed(this.#reason ?? lost(error)),
      },
      LINE_LIMITS,
    );
  }

  /** Whether it is still there. */
  get open(): boolean {
    return this.#lines.open;
  }

  /** How many calls the service is at. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Sends a call; it is settled here, or fails with the connection. */
  send(call: PendingCall): void {
    const id = (this.#lastId += 1);
    const text = JSON.stringify({ jsonrpc: '2.0', id, method: call.method, params: call.params });
    if (!fitsInLine(text)) {
      call.reject(
        new KmsError('INVALID_PARAMS', 'The call is longer than 1 MiB: ask for less at once.'),
      );
      return;
    }
    this.#inFlight.set(id, call);
    this.#lines.send(text);
  }

  /** Closes at once; calls under way fail with `reason`. */
  close(reason: KmsError): void {
    this.#reason ??= reason;
    this.#lines.destroy();
  }

  #take(line: Line): void {
    const message = parseLine(line);
    if (message.kind !== 'result' && message.kind !== 'error') {
      this.close(lost(new Error('The service sent something that is no answer.')));
      return;
    }
    const call = typeof message.id === 'number' ? this.#inFlight.get(message.id) : undefined;
    if (call !== undefined) {
      this.#inFlight.delete(Number(message.id));
      this.#settle(call, message);
      this.#events.answered();
    } else if (message.kind === 'error') {
      // An error that answers no call is about the connection.
      this.close(lost(KmsError.fromJsonRpc(message.error)));
    }
  }

  #settle(call: PendingCall, answer: Response): void {
    if (answer.kind === 'error') {
      if (!call.settled) call.reject(KmsError.fromJsonRpc(answer.error));
      return;
    }
    const result = contract[call.method].result.safeParse(answer.result);
    if (!result.success) {
      if (!call.settled) call.reject(notInContract(call, result.error));
    } else if (call.settled) {
      this.#events.late(call, result.data);
    } else {
      call.resolve(result.data);
    }
  }

  #closed(reason: KmsError): void {
    this.#events.closed(reason);
    for (const call of this.#inFlight.values()) if (!call.settled) call.reject(reason);
    this.#inFlight.clear();
  }
}

function lost(cause?: Error): KmsError {
  return new KmsError('UNAVAILABLE', 'The connection to the key service broke: ask again.', {
    cause,
  });
}

function notInContract({ method }: PendingCall, cause: Error): KmsError {
  const message = `The key service answered ${method} against its contract: run both in one version.`;
  return new KmsError('INTERNAL_ERROR', message, { cause });
}
