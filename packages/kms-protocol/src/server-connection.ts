import type { Duplex } from 'node:stream';
import { answer, errorLine, type Answer } from './answer.ts';
import { PROTOCOL_VERSION, type HeldLease, type Method, type Result } from './contract.ts';
import type { CheckedMethod, Session } from './handlers.ts';
import type { Admit } from './hello.ts';
import { parseLine, type Notification, type Request } from './json-rpc.ts';
import { KmsError } from './kms-error.ts';
import { LineConnection, type LineLimits } from './line-connection.ts';
import type { Line } from './line-framing.ts';

/** What a connection bears on the server's side. */
export interface ConnectionLimits extends LineLimits {
  /** Requests that may be under way. */
  inFlight: number;
  /** From the connection to its hello; milliseconds. */
  helloMs: number;
}

/** A session that begins, and the leases its owner still uses. */
export interface Opened {
  session: Session;
  leases: readonly HeldLease[];
}

/** What all connections of a server share. */
export interface Host {
  readonly methods: ReadonlyMap<string, CheckedMethod>;
  readonly admit: Admit;
  readonly version: string;
  readonly limits: ConnectionLimits;
  readonly nextSessionId: () => number;
  readonly onSession: (opened: Opened) => void | Promise<void>;
  readonly onSessionEnd: (session: Session) => void;
  /** Something failed that is no answer to the far side. */
  readonly onError: (error: unknown, method: Method) => void;
  readonly onClose: (connection: ServerConnection) => void;
}

/** One connection as the server sees it: first the hello, then requests until either side leaves. */
export class ServerConnection {
  readonly #host: Host;
  readonly #lines: LineConnection;
  readonly #helloTimer: NodeJS.Timeout;
  #session: Session | undefined;
  /** Requests whose handler is at work. */
  #inFlight = 0;
  /** Lines whose answer is still to be sent. */
  #unanswered = 0;
  /** Takes nothing new, and closes when all is answered. */
  #leaving = false;
  #hasEnded = false;

  constructor(stream: Duplex, host: Host) {
    this.#host = host;
    this.#lines = new LineConnection(
      stream,
      {
        line: (line) => this.#take(line),
        broken: (why) => this.#breakOff(new KmsError('INVALID_REQUEST', why)),
        end: () => {
          this.#endSession();
          this.leave();
        },
        full: (full) => (full ? this.#lines.pause() : this.#lines.resume()),
        close: () => this.#close(),
      },
      host.limits,
    );
    const { helloMs } = host.limits;
    this.#helloTimer = setTimeout(
      () =>
        this.#breakOff(new KmsError('HELLO_REQUIRED', `Say session.hello within ${helloMs} ms.`)),
      helloMs,
    );
  }

  /** Whether it has said its hello. */
  get greeted(): boolean {
    return this.#session !== undefined;
  }

  /** Takes no more requests, answers those under way, and closes. */
  leave(): void {
    this.#leaving = true;
    if (this.#unanswered === 0) this.#lines.finish();
  }

  /** Closes at once. */
  destroy(): void {
    this.#lines.destroy();
  }

  #take(line: Line): void {
    if (this.#leaving) return;
    const made = answer(parseLine(line), this.#call);
    // Whatever the first message was, if it has not opened a session it was the last one too.
    if (!this.greeted) this.#leaving = true;
    this.#unanswered += 1;
    if (made instanceof Promise) void made.then((text) => this.#reply(text));
    else this.#reply(made);
  }

  #reply(text: Answer): void {
    this.#unanswered -= 1;
    if (text !== undefined) this.#lines.send(text);
    if (this.#leaving) this.leave();
  }

  readonly #call = (call: Request | Notification): unknown => {
    const session = this.#session;
    if (call.method === 'session.hello') return this.#hello(call);
    if (session === undefined) {
      throw new KmsError('HELLO_REQUIRED', 'The first message must be session.hello.');
    }
    const method = this.#host.methods.get(call.method);
    if (method === undefined) {
      throw new KmsError('METHOD_NOT_FOUND', 'This service has no such method.');
    }
    if (!method.roles.includes(session.role)) {
      throw new KmsError('FORBIDDEN', `${method.name} is not for the role ${session.role}.`);
    }
    // Nobody would receive the lease: it would only keep its key from others.
    if (call.kind === 'notification' && method.name === 'lease.acquire') return undefined;
    if (this.#inFlight >= this.#host.limits.inFlight) {
      throw new KmsError('TOO_MANY_IN_FLIGHT', 'Wait for answers before asking for more.');
    }
    return this.#attempt(method.name, () => method.run(call.params, session));
  };

  #hello({ kind, params }: Request | Notification): unknown {
    if (kind === 'notification') return undefined;
    if (this.#session) throw new KmsError('INVALID_REQUEST', 'This session has had its hello.');
    const { role, leases } = this.#host.admit(params);
    const session = { id: this.#host.nextSessionId(), role };
    clearTimeout(this.#helloTimer);
    this.#session = session;
    const { version, onSession } = this.#host;
    const welcome: Result<'session.hello'> = { protocol: PROTOCOL_VERSION, version };
    return this.#attempt('session.hello', () => {
      const opened = onSession({ session, leases });
      return opened instanceof Promise ? opened.then(() => welcome) : welcome;
    });
  }

  /** Does a method's work. What fails without being an answer is told to the host. */
  #attempt(method: Method, work: () => unknown): unknown {
    const fail = (error: unknown): never => {
      if (!(error instanceof KmsError)) this.#host.onError(error, method);
      // A session that could not be opened is none.
      if (method === 'session.hello') this.#leaving = true;
      throw error;
    };
    try {
      const result = work();
      if (!(result instanceof Promise)) return result;
      this.#inFlight += 1;
      return result.catch(fail).finally(() => (this.#inFlight -= 1));
    } catch (error) {
      return fail(error);
    }
  }

  /** Says why to whoever still listens, and closes without waiting for anything. */
  #breakOff(error: KmsError): void {
    this.#leaving = true;
    this.#lines.send(errorLine(error));
    this.#lines.finish();
  }

  #close(): void {
    clearTimeout(this.#helloTimer);
    this.#endSession();
    this.#host.onClose(this);
  }

  /** Ends with the far side's last word: what it still waits for need not be waited for here. */
  #endSession(): void {
    const session = this.#session;
    if (session === undefined || this.#hasEnded) return;
    this.#hasEnded = true;
    this.#host.onSessionEnd(session);
  }
}
