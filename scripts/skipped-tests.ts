import type { Reporter, TestModule, Vitest } from 'vitest/node';

/**
 * Lists every skipped test with its reason, since a summary that counts them hides what was not
 * tried. With CI=true a skipped test is a failure.
 */
export class SkippedTests implements Reporter {
  #isSelection = false;

  onInit(vitest: Vitest): void {
    this.#isSelection = vitest.config.testNamePattern !== undefined; // the others are left out on purpose
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
    if (process.env['CI'] === 'true') {
      console.log('With CI=true every test must run.');
      process.exitCode = 1;
    }
  }
}
