import { defineConfig } from 'vitest/config';
import { SYSTEM_SUITES, obstacles } from './scripts/system-packages.ts';

/**
 * After so long a test counts as hung. No test relies on this limit: it leaves room for a machine
 * that is many times slower. Tests set a limit of their own only where a variable makes them longer.
 */
const HUNG_AFTER_MS = 10 * 60_000;
/** How long `expect.poll` waits for an event that is sure to come. */
const EVENT_WITHIN_MS = 2 * 60_000;

/** Suites that start the whole product. */
const END_TO_END = 'packages/end-to-end/test/**/*.test.ts';

const files = (suites: typeof SYSTEM_SUITES) => suites.flatMap((suite) => suite.files);

export default defineConfig({
  test: {
    testTimeout: HUNG_AFTER_MS,
    hookTimeout: HUNG_AFTER_MS,
    teardownTimeout: HUNG_AFTER_MS,
    expect: { poll: { timeout: EVENT_WITHIN_MS, interval: 20 } },
    maxWorkers: 4, // most tests wait most of the time, so that two cores serve four workers
    projects: [
      {
        extends: true,
        test: {
          name: 'local',
          include: ['packages/*/{src,test}/**/*.test.ts'],
          exclude: [...files(SYSTEM_SUITES), END_TO_END],
          isolate: false, // a worker loads the modules of the packages once, not for every file
        },
      },
      {
        extends: true,
        test: {
          name: 'end-to-end',
          include: [END_TO_END],
          exclude: files(SYSTEM_SUITES),
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: files(SYSTEM_SUITES.filter((suite) => obstacles(suite).length === 0)),
        },
      },
    ],
  },
});
