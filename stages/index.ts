import { add } from './add.ts'
import { average } from './average.ts'
import { lcm } from './lcm.ts'
import { multiply } from './multiply.ts'
import { sine } from './sine.ts'
import { squareRoot } from './square-root.ts'
import type { Stage } from './stage.ts'

/** The pipeline, in order: each stage writes to the topic that the next one reads. */
export const pipeline: readonly Stage[] = [
  add,
  multiply,
  lcm,
  average,
  sine,
  squareRoot,
  // your stage here
]

/** The topic after the last stage. */
export const finish = 'finish'

/** The field of the body that the table `inputs` stores. */
export const inputField = 'numbers'
