import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { doublingBackOff } from './back-off.ts';
import { ClientConnection } from './client-connection.ts';
import {
  MAX_HELD_LEASES,
  PROTOCOL_VERSION,
  type HeldLease,
  type Params,
  type Result,
  type Role,
} from './contract.ts';
import type { HandledMethod } from './handlers.ts';
import type { Token } from './hello.ts';
import { KmsError } from './kms-error.ts';
import { PendingCall, type CallOptions, type GivenUp } from './pending-call.ts';

/** As many as a server lets one connection have under way; further calls wait for their turn here. */
const MAX_IN_FLIGHT = 4_096;
const MAX_WAITING = 10_000;
const DEFAULT_TIMEOUT_MS = 1_000;
const FIRST_BACK_OFF = doublingBackOff(50, 1_000);

/** An answer that came after its caller had given up. */
export type LateResult = {
  [M in HandledMethod]: { method: M; params: Params<M>; result: Result<M> };
}[HandledMethod];

/** The state of a client. `refused` and `closed` are final. */
export type ClientState = 'connecting' | 'ready' | 'refused' | 'closed';

/** Options of a client. */
export interface KmsClientOptions {
  /** Opens a connection, or fails, within a second or so: `() => connectToUnixSocket(path)`. */
  connect: () => Promise<Duplex>;
  role: Role;
  token: Token;
  /** The leases still in use; named in every hello, so that they survive the connection. */
  activeLeases?: () => readonly HeldLease[];
  /** A lease that arrives after its caller has given up: return it. */
  onLateResult?: (late: LateResult) => void;
  /** Told at each change. `error` says why a connection was lost, or the hello refused. */
  onState?: (state: ClientState, error?: KmsError) => void;
  /** For calls that name no other; milliseconds. Default 1000. */
  timeoutMs?: number;
}

type State =
  | { kind: 'connecting'; lastFailure: KmsError | undefined }
  | { kind: 'ready'; connection: ClientConnection }
  | { kind: 'refused'; error: KmsError }
  | { kind: 'closed'; error: KmsError };

/**
 * The typed client of a key service. It connects by itself, and again after each lost connection.
 */
export class KmsClient {
  readonly #options: KmsClientOptions;
  readonly #timeoutMs: number;
  /** Calls that wait for a connection, or for room on it. */
  readonly #waiting = new Set<PendingCall>();
  readonly #closing = new AbortController();
  readonly #done: Promise<void>;
  #state: State = { kind: 'connecting', lastFailure: undefined };

  constructor(options: KmsClientOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#done = this.#stayConnected();
  }

  /** The current state. */
  get state(): ClientState {
    return this.#state.kind;
  }

  /**
   * Calls a method. Fails with a KmsError: what the service refused, or UNAVAILABLE when there was no
   * connection in time, it broke under the call, or the call was given up. Nothing is repeated.
   */
  call<M extends HandledMethod>(
    method: M,
    params: Params<M>,
    { signal, timeoutMs = this.#timeoutMs }: CallOptions = {},
  ): Promise<Result<M>> {
    const options = signal ? { signal, timeoutMs } : { timeoutMs };
    const call = new PendingCall(method, params, options, this.#onGivenUp);
    const refusal = this.#refusal(signal);
    if (refusal) call.reject(refusal);
    else {
      this.#waiting.add(call);
      this.#sendWaiting();
    }
    // What the call resolves with has passed the contract's schema for `method`.
    return call.outcome as Promise<Result<M>>;
  }

  /** Ends it: calls that wait fail, and the promise resolves when nothing is left open. */
  async close(): Promise<void> {
    if (this.#state.kind !== 'closed') {
      this.#end({ kind: 'closed', error: new KmsError('UNAVAILABLE', 'This client is closed.') });
    }
    await this.#done;
  }

  async #stayConnected(): Promise<void> {
    const { signal } = this.#closing;
    let backOff = FIRST_BACK_OFF;
    while (!signal.aborted) {
      backOff = (await this.#useConnection()) ? FIRST_BACK_OFF : backOff.next();
      // Rejects when the client is closed, which is what the loop asks next.
      await sleep(backOff.delayMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** One connection from its opening to its end; whether it came to be of use. */
  async #useConnection(): Promise<boolean> {
    const closed = Promise.withResolvers<undefined>();
    const { signal } = this.#closing;
    let connection: ClientConnection;
    try {
      connection = new ClientConnection(await this.#options.connect(), {
        answered: () => this.#sendWaiting(),
        late: (call, result) => this.#late(call, result),
        closed: (reason) => {
          this.#become({ kind: 'connecting', lastFailure: reason });
          closed.resolve(undefined);
        },
      });
    } catch (cause) {
      const message = 'The key service cannot be reached: is it running?';
      const lastFailure = new KmsError('UNAVAILABLE', message, { cause });
      this.#become({ kind: 'connecting', lastFailure });
      return false;
    }
    const close = () => connection.close(new KmsError('UNAVAILABLE', 'This client is closed.'));
    if (signal.aborted) close();
    signal.addEventListener('abort', close);
    const greeted = await this.#greet(connection);
    await closed.promise;
    signal.removeEventListener('abort', close);
    return greeted;
  }

  async #greet(connection: ClientConnection): Promise<boolean> {
    const { role, token, activeLeases } = this.#options;
    const params: Params<'session.hello'> = {
      protocol: PROTOCOL_VERSION,
      role,
      token: token.reveal(),
      leases: activeLeases?.().slice(0, MAX_HELD_LEASES) ?? [],
    };
    const hello = new PendingCall(
      'session.hello',
      params,
      { timeoutMs: this.#timeoutMs },
      this.#onGivenUp,
    );
    connection.send(hello);
    try {
      await hello.outcome;
    } catch (caught) {
      const error = KmsError.from(caught);
      if (error.code === 'FORBIDDEN' || error.code === 'HELLO_REQUIRED') {
        this.#end({ kind: 'refused', error });
      }
      connection.close(error);
      return false;
    }
    if (!connection.open) return false;
    this.#become({ kind: 'ready', connection });
    this.#sendWaiting();
    return true;
  }

  /** Why a call need not even wait. */
  #refusal(signal: AbortSignal | undefined): KmsError | undefined {
    const state = this.#state;
    if (state.kind === 'refused' || state.kind === 'closed') return state.error;
    if (signal?.aborted) return givenUpByCaller(signal.reason);
    if (this.#waiting.size < MAX_WAITING) return undefined;
    return new KmsError('UNAVAILABLE', 'Too many calls wait for the key service: ask again later.');
  }

  #sendWaiting(): void {
    if (this.#state.kind !== 'ready') return;
    const { connection } = this.#state;
    for (const call of this.#waiting) {
      if (connection.inFlight >= MAX_IN_FLIGHT) return;
      this.#waiting.delete(call);
      connection.send(call);
    }
  }

  readonly #onGivenUp = (call: PendingCall, givenUp: GivenUp): KmsError => {
    const waited = this.#waiting.delete(call);
    if (givenUp.why === 'abort') return givenUpByCaller(givenUp.reason);
    if (waited && this.#state.kind === 'connecting') {
      const message = `There was no connection to the key service for ${givenUp.timeoutMs} ms: is it running?`;
      return new KmsError('UNAVAILABLE', message, { cause: this.#state.lastFailure });
    }
    const message = `The key service did not answer ${call.method} within ${givenUp.timeoutMs} ms.`;
    return new KmsError('UNAVAILABLE', message);
  };

  #late({ method, params }: PendingCall, result: unknown): void {
    // The parameters were typed when the call was made, the result has passed `method`'s schema.
    this.#options.onLateResult?.({ method, params, result } as LateResult);
  }

  /** Ends it for good. */
  #end(state: Extract<State, { error: KmsError }>): void {
    this.#become(state);
    for (const call of this.#waiting) call.reject(state.error);
    this.#waiting.clear();
    this.#closing.abort();
  }

  /** The one way from state to state: nothing follows a final one. */
  #become(state: State): void {
    const before = this.#state.kind;
    if (before === 'refused' || before === 'closed') return;
    this.#state = state;
    if (state.kind !== before) this.#options.onState?.(state.kind, reasonOf(state));
  }
}

function reasonOf(state: State): KmsError | undefined {
  if (state.kind === 'ready') return undefined;
  return state.kind === 'connecting' ? state.lastFailure : state.error;
}

function givenUpByCaller(cause: unknown): KmsError {
  return new KmsError('UNAVAILABLE', 'The call was given up by its caller.', { cause });
}
