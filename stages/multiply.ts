import { product } from './numbers/product.ts'
import { decimals } from './numbers/readers.ts'
import { defineStage } from './stage.ts'

/** The exact product. */
export const multiply = defineStage({
  name: 'multiply',
  reads: 'stage2',
  adds: 'product',
  needs: { numbers: decimals },
  compute: ({ numbers }) => product(numbers),
})
