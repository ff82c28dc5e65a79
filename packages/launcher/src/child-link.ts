import { isAsked, isConfigured, type LinkMessage } from '@openrouter-proxy/runtime';

/** How long a child may take to run with what it is told. */
const CONFIGURE_MS = 10_000;

/** The launcher's end of what travels between it and a child that serves. */
export class ChildLink {
  readonly #send: (message: LinkMessage) => void;
  readonly #answer: (what: unknown) => Promise<unknown>;
  readonly #configuring = new Map<number, (problem: string | null) => void>();
  #lastId = 0;

  /** `answer` is asked what the child asks. */
  constructor(send: (message: LinkMessage) => void, answer: (what: unknown) => Promise<unknown>) {
    this.#send = send;
    this.#answer = answer;
  }

  /** Takes in a message of the child's. */
  take(message: unknown): void {
    if (isConfigured(message)) {
      const { id, problem } = message.configured;
      this.#configuring.get(id)?.(problem);
    }
    if (!isAsked(message)) return;
    const { id, what } = message.ask;
    const give = (value: unknown) => this.#send({ answer: { id, value } });
    this.#answer(what).then(give, () => give(null));
  }

  /** Tells the child what to run with from now on; why it could not take it, if so. */
  async configure(handOver: unknown): Promise<string | null> {
    const id = (this.#lastId += 1);
    const { promise, resolve } = Promise.withResolvers<string | null>();
    this.#configuring.set(id, resolve);
    const timer = setTimeout(() => resolve(`no answer within ${CONFIGURE_MS} ms`), CONFIGURE_MS);
    this.#send({ configure: { id, handOver } });
    const problem = await promise;
    clearTimeout(timer);
    this.#configuring.delete(id);
    return problem;
  }
}
