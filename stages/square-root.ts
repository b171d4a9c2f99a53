import { radicand } from './numbers/readers.ts'
import { root } from './numbers/rounding.ts'
import { defineStage } from './stage.ts'

/** The square roots of the earlier stages' results. */
export const squareRoot = defineStage({
  name: 'square-root',
  reads: 'stage6',
  adds: 'sqrt',
  needs: { lcm: radicand, sum: radicand, product: radicand, average: radicand },
  compute: ({ lcm, sum, product, average }) => ({
    lcm: root(lcm),
    sum: root(sum),
    product: root(product),
    average: root(average),
  }),
})
