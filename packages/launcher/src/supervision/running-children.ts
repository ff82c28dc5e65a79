import type { Logger } from '@openrouter-proxy/runtime';
import type { Child } from './child.ts';
import type { Program } from './program.ts';

/** The children that serve at the moment, by what they run. */
export class RunningChildren {
  readonly #children = new Map<Program, Child>();
  /** Programs whose child was perhaps started before what all were last told to run with. */
  readonly #untold = new Set<Program>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Notes a child that has come to serve, and tells it what it missed while it started. */
  async add(program: Program, child: Child): Promise<void> {
    this.#children.set(program, child);
    void child.ended.then(() => {
      if (this.#children.get(program) === child) this.#children.delete(program);
    });
    if (!this.#untold.delete(program)) return;
    const problem = await child.configure(program.configuration());
    if (problem === null) return;
    this.#logger.error(`the ${program.name} is started anew with what it was told`, { problem });
    child.kill();
  }

  /** Asks a program's child something; null if it does not answer, or does not serve. */
  async ask(program: Program, what: unknown, timeoutMs: number): Promise<unknown> {
    return (await this.#children.get(program)?.ask(what, timeoutMs)) ?? null;
  }

  /**
   * Has each of them run with what its program hands over now, one after the other; why one could not.
   * A child that does not serve yet is told once it does.
   */
  async configure(programs: readonly Program[]): Promise<string | null> {
    for (const program of programs) {
      const child = this.#children.get(program);
      if (child === undefined) this.#untold.add(program);
      const problem = (await child?.configure(program.configuration())) ?? null;
      if (problem !== null && this.#children.get(program) === child) {
        return `the ${program.name} could not take it: ${problem}`;
      }
    }
    return null;
  }
}
