import { defineConfig } from 'vitest/config';

/** The tests that are to notice a change of classification or state. */
export default defineConfig({
  test: {
    include: [
      'packages/gateway/src/**/*.test.ts',
      'packages/kms/src/**/*.test.ts',
      'packages/kms/test/key-intelligence.test.ts',
    ],
  },
});
