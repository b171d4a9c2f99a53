import { doubles } from './numbers/readers.ts'
import { defineStage } from './stage.ts'

/** The sine of each number, in radians, as Math.sin computes it for the nearest double. */
export const sine = defineStage({
  name: 'sine',
  reads: 'stage5',
  adds: 'sin',
  needs: { numbers: doubles },
  compute: ({ numbers }) => numbers.map((radians) => Math.sin(radians)),
})
