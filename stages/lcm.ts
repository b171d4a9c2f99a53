import { leastCommonMultiple } from './numbers/least-common-multiple.ts'
import { decimals } from './numbers/readers.ts'
import { defineStage } from './stage.ts'

/** The least common multiple, of decimals too: 7.5 for 1.5 and 2.5. */
export const lcm = defineStage({
  name: 'lcm',
  reads: 'stage3',
  adds: 'lcm',
  needs: { numbers: decimals },
  compute: ({ numbers }) => leastCommonMultiple(numbers),
})
