import type { Logger } from '@openrouter-proxy/runtime';
import type { Child } from './child.ts';
import type { Program } from './program.ts';

/** The ready child of each program. */
export class RunningChildren {
  readonly #children = new Map<Program, Child>();
  /** Programs whose child may have started before the latest configuration was sent. */
  readonly #untold = new Set<Program>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Adds a ready child, and sends it a configuration that it missed during its start. */
  async add(program: Program, child: Child): Promise<void> {
    this.#children.set(program, child);
    void child.ended.then(() => {
      if (this.#children.get(program) === child) this.#children.delete(program);
    });
    if (!this.#untold.delete(program)) return;
    const problem = await child.configure(program.configuration());
    if (problem === null) return;
    this.#logger.error(`restarting the ${program.name}: it could not apply the configuration`, {
      problem,
    });
    child.kill();
  }

  /** Sends a request to a program's child; null if it is not ready or does not answer. */
  async ask(program: Program, what: unknown, timeoutMs: number): Promise<unknown> {
    return (await this.#children.get(program)?.ask(what, timeoutMs)) ?? null;
  }

  /**
   * Sends each child its program's current configuration, one by one. Returns the first problem, else null.
   * A child that is still starting gets it when it is ready.
   */
  async configure(programs: readonly Program[]): Promise<string | null> {
    for (const program of programs) {
      const child = this.#children.get(program);
      if (child === undefined) this.#untold.add(program);
      const problem = (await child?.configure(program.configuration())) ?? null;
      if (problem !== null && this.#children.get(program) === child) {
        return `the ${program.name} could not apply it: ${problem}`;
      }
    }
    return null;
  }
}
