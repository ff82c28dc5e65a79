interface Waiting<Asked, Answer> {
  readonly asked: Asked;
  readonly answer: PromiseWithResolvers<Answer>;
}

/** Sends what is asked in one turn of the event loop together: most of the cost is that of a message. */
export class Batcher<Asked, Answer> {
  readonly #send: (asked: readonly Asked[]) => Promise<readonly Answer[]>;
  readonly #most: number;
  #waiting: Waiting<Asked, Answer>[] = [];

  /** `send` answers in the order of what is asked; at most `most` at once. */
  constructor(send: (asked: readonly Asked[]) => Promise<readonly Answer[]>, most: number) {
    this.#send = send;
    this.#most = most;
  }

  ask(asked: Asked): Promise<Answer> {
    if (this.#waiting.length === 0) setImmediate(() => this.#flush());
    const answer = Promise.withResolvers<Answer>();
    this.#waiting.push({ asked, answer });
    return answer.promise;
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let from = 0; from < waiting.length; from += this.#most) {
      void this.#sendSome(waiting.slice(from, from + this.#most));
    }
  }

  async #sendSome(some: readonly Waiting<Asked, Answer>[]): Promise<void> {
    try {
      const answers = await this.#send(some.map(({ asked }) => asked));
      for (const [index, { answer }] of some.entries()) {
        answer.resolve(answers[index] as Answer); // as many as were asked
      }
    } catch (error) {
      for (const { answer } of some) answer.reject(error);
    }
  }
}
