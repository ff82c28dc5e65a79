/** A request and its answer have the same id. */
interface Asked {
  readonly ask: { readonly id: number; readonly what: unknown };
}
interface Answered {
  readonly answer: { readonly id: number; readonly value: unknown };
}

const has = <Name extends string>(name: Name, message: unknown): message is Record<Name, unknown> =>
  typeof message === 'object' && message !== null && name in message;
const isAsked = (message: unknown): message is Asked => has('ask', message);
const isAnswered = (message: unknown): message is Answered => has('answer', message);

/** Answers requests of the other end; null for an unknown request. */
export type Answering = (what: unknown) => Promise<unknown>;

/**
 * One end of Node's IPC channel between a process and its child. Both may send requests; requests and
 * answers are JSON.
 */
export class IpcLink {
  readonly #send: (message: object) => void;
  readonly #answering: Answering;
  readonly #waiting = new Map<number, (value: unknown) => void>();
  #lastId = 0;

  constructor(send: (message: object) => void, answering: Answering) {
    this.#send = send;
    this.#answering = answering;
  }

  /** Handles a message from the other end. */
  take(message: unknown): void {
    if (isAnswered(message)) this.#waiting.get(message.answer.id)?.(message.answer.value);
    if (!isAsked(message)) return;
    const { id, what } = message.ask;
    const give = (value: unknown) => this.#send({ answer: { id, value } } satisfies Answered);
    this.#answering(what).then(give, () => give(null));
  }

  /** Sends a request; null if the other end does not answer within `timeoutMs`. */
  async ask(what: unknown, timeoutMs: number): Promise<unknown> {
    const id = (this.#lastId += 1);
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, resolve);
    const timer = setTimeout(() => resolve(null), timeoutMs);
    this.#send({ ask: { id, what } } satisfies Asked);
    const value = await promise;
    clearTimeout(timer);
    this.#waiting.delete(id);
    return value;
  }
}
