import type { Child } from './child.ts';
import type { Program } from './program.ts';

/** The children that serve at the moment, by what they run. */
export class RunningChildren {
  readonly #children = new Map<Program, Child>();

  /** Notes a child that has come to serve. */
  add(program: Program, child: Child): void {
    this.#children.set(program, child);
    void child.ended.then(() => {
      if (this.#children.get(program) === child) this.#children.delete(program);
    });
  }

  /** Asks a program's child something; null if it does not answer, or does not serve. */
  async ask(program: Program, what: unknown, timeoutMs: number): Promise<unknown> {
    return (await this.#children.get(program)?.ask(what, timeoutMs)) ?? null;
  }

  /**
   * Has each of them run with what its program hands over now, one after the other; why one could not.
   * A child that does not serve yet, or no more, is started with it.
   */
  async configure(programs: readonly Program[]): Promise<string | null> {
    for (const program of programs) {
      const child = this.#children.get(program);
      const problem = (await child?.configure(program.handOver())) ?? null;
      if (problem !== null && this.#children.get(program) === child) {
        return `the ${program.name} could not take it: ${problem}`;
      }
    }
    return null;
  }
}
