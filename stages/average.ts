import { quotient } from './numbers/quotient.ts'
import { count, decimal } from './numbers/readers.ts'
import { defineStage } from './stage.ts'

/** The average: the body's `sum` divided by how many numbers it has. */
export const average = defineStage({
  name: 'average',
  reads: 'stage4',
  adds: 'average',
  needs: { sum: decimal, numbers: count },
  compute: ({ sum, numbers: howMany }) => quotient(sum, howMany),
})
