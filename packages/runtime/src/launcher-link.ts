/** What a child asks of the launcher, and is answered under the same number. */
interface Asked {
  readonly ask: { readonly id: number; readonly what: unknown };
}
interface Answered {
  readonly answer: { readonly id: number; readonly value: unknown };
}

/** What the launcher tells a child to run with from now on; the child says when it does. */
interface Configure {
  readonly configure: { readonly id: number; readonly handOver: unknown };
}
interface Configured {
  readonly configured: { readonly id: number; readonly problem: string | null };
}

/** Everything that travels between launcher and child over Node's IPC channel once the child serves. */
export type LinkMessage = Asked | Answered | Configure | Configured;

const has = <Name extends string>(name: Name, message: unknown): message is Record<Name, unknown> =>
  typeof message === 'object' && message !== null && name in message;

export const isAsked = (message: unknown): message is Asked => has('ask', message);
export const isConfigured = (message: unknown): message is Configured => has('configured', message);
const isAnswered = (message: unknown): message is Answered => has('answer', message);
const isConfigure = (message: unknown): message is Configure => has('configure', message);

const send = (message: LinkMessage) => process.send?.(message);

/** A child's way to its launcher. */
export class LauncherLink {
  readonly #asked = new Map<number, (value: unknown) => void>();
  #lastId = 0;

  constructor() {
    process.on('message', (message: unknown) => {
      if (!isAnswered(message)) return;
      this.#asked.get(message.answer.id)?.(message.answer.value);
      this.#asked.delete(message.answer.id);
    });
  }

  /** Asks the launcher; null if there is none, or it does not answer within `timeoutMs`. */
  async ask(what: unknown, timeoutMs: number): Promise<unknown> {
    if (process.send === undefined) return null;
    const id = (this.#lastId += 1);
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#asked.set(id, resolve);
    const timer = setTimeout(() => resolve(null), timeoutMs);
    send({ ask: { id, what } });
    const value = await promise;
    clearTimeout(timer);
    this.#asked.delete(id);
    return value;
  }

  /** Takes what the launcher wants this process to run with, one after the other. */
  onConfigure(configure: (handOver: unknown) => Promise<void>): void {
    let before = Promise.resolve();
    process.on('message', (message: unknown) => {
      if (!isConfigure(message)) return;
      const { id, handOver } = message.configure;
      before = before
        .then(() => configure(handOver))
        .then(
          () => void send({ configured: { id, problem: null } }),
          // Without the cause, which may quote what was handed over.
          (error: unknown) => void send({ configured: { id, problem: problemOf(error) } }),
        );
    });
  }
}

const problemOf = (error: unknown) => (error instanceof Error ? error.name : typeof error);
