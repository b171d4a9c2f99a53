import { defineConfig } from 'vitest/config'

/** `npm run test:stack`: what `docker compose up` starts, on other ports and under another name. Needs Docker. */
export default defineConfig({
  test: {
    include: ['test/stack/**/*.test.ts'],
    reporters: ['default', './test/closing-line.ts'],
    testTimeout: 600_000,
    hookTimeout: 1_200_000,
    fileParallelism: false,
    // What a test found broken is broken for those that follow.
    bail: 1,
  },
})
