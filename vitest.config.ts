import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** The file that takes longest begins first: otherwise it runs alone at the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isShort = ({ moduleId }: TestSpecification) => Number(!moduleId.endsWith('/test/chaos.test.ts'))
    // oxlint-disable-next-line unicorn/no-array-sort -- it is not that of an array
    return (await super.sort(files)).toSorted((one, other) => isShort(one) - isShort(other))
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    reporters: ['default', './test/summary-reporter.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          // They take milliseconds, and seconds on a machine that does something else.
          testTimeout: 30_000,
          include: [
            '{stages,pipeline,kafka,sql,telemetry,monitor,cli,local,grafana,deploy,bench,test/{audit,grafana,compose,chaos}}/**/*.test.ts',
          ],
        },
      },
      {
        test: {
          name: 'servers',
          include: ['test/*.test.ts'],
          globalSetup: './test/start-servers.ts',
          testTimeout: 300_000,
          hookTimeout: 300_000,
          // Each file drives six real processes, and mostly waits for them: two files at once take two thirds of the time. Three
          // take a fifth less, and on a machine that does something else one of them may be late.
          maxWorkers: 2,
        },
      },
    ],
  },
})
