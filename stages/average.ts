import { count, decimal } from './numbers/readers.ts'
import { quotient } from './numbers/rounding.ts'
import { defineStage } from './stage.ts'

/** The average: the body's `sum` divided by the length of the list. */
export const average = defineStage({
  name: 'average',
  reads: 'stage4',
  adds: 'average',
  needs: { sum: decimal, numbers: count },
  compute: ({ sum, numbers: length }) => quotient(sum, length),
})
