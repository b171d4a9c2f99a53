import { decimals } from './numbers/readers.ts'
import { sum } from './numbers/sum.ts'
import { defineStage } from './stage.ts'

/** The exact sum. */
export const add = defineStage({
  name: 'add',
  reads: 'start',
  adds: 'sum',
  needs: { numbers: decimals },
  compute: ({ numbers }) => sum(numbers),
})
