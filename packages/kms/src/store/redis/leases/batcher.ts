interface Waiting<Asked, Answer> {
  readonly asked: Asked;
  readonly answer: PromiseWithResolvers<Answer>;
}

/** Sends the requests of one turn of the event loop in one message. */
export class Batcher<Asked, Answer> {
  readonly #send: (asked: readonly Asked[]) => Promise<readonly Answer[]>;
  readonly #most: number;
  #waiting: Waiting<Asked, Answer>[] = [];

  /** `send` answers in the order of the requests; at most `most` at once. */
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
        answer.resolve(answers[index] as Answer); // one for each request
      }
    } catch (error) {
      for (const { answer } of some) answer.reject(error);
    }
  }
}
