import type { Reporter, TestModule, Vitest } from 'vitest/node';

/** Lists every skipped test with its reason. Vitest's own summary only counts them. */
export class SkippedTests implements Reporter {
  readonly #isFailure: boolean;
  #isSelection = false;

  constructor({ isFailure }: { readonly isFailure: boolean }) {
    this.#isFailure = isFailure;
  }

  onInit(vitest: Vitest): void {
    this.#isSelection = vitest.config.testNamePattern !== undefined; // the user left out the others
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    if (this.#isSelection) return;
    const skipped = modules.flatMap(({ children }) => [...children.allTests('skipped')]);
    if (skipped.length === 0) return;
    console.log('Skipped:');
    for (const test of skipped) {
      const result = test.result();
      const note = result.state === 'skipped' ? result.note : undefined;
      console.log(`  ${test.module.relativeModuleId} > ${test.fullName}${note ? `: ${note}` : ''}`);
    }
    if (this.#isFailure) {
      console.log('With CI=true every system test must run.');
      process.exitCode = 1;
    }
  }
}
