import { decimals } from './exact/readers.ts'
import { sum } from './exact/sum.ts'
import { defineStage } from './stage.ts'

/** The sum, every digit of it. */
export const add = defineStage({
  name: 'add',
  reads: 'start',
  adds: 'sum',
  needs: { numbers: decimals },
  compute: ({ numbers }) => sum(numbers),
})
