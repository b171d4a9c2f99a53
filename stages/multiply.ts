import { product } from './exact/product.ts'
import { decimals } from './exact/readers.ts'
import { defineStage } from './stage.ts'

/** The product, every digit of it. */
export const multiply = defineStage({
  name: 'multiply',
  reads: 'stage2',
  adds: 'product',
  needs: { numbers: decimals },
  compute: ({ numbers }) => product(numbers),
})
