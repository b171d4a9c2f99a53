import { defineConfig } from 'vitest/config'

/** `npm run test:stack`: tests of `docker compose up` on other ports and under another project name. Needs Docker. */
export default defineConfig({
  test: {
    include: ['test/stack/**/*.test.ts'],
    reporters: ['default', './test/summary-reporter.ts'],
    testTimeout: 600_000,
    hookTimeout: 1_200_000,
    fileParallelism: false,
    // The tests share one stack, so a failure would repeat in the following tests.
    bail: 1,
  },
})
