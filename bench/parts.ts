import { ceilings } from './ceilings.ts'
import { costs } from './costs.ts'
import { drain } from './drain.ts'
import { growth } from './growth.ts'
import { idle } from './idle.ts'
import { ladder } from './ladder.ts'
import { pace } from './pace.ts'
import type { Part } from './part.ts'
import { replicas } from './replicas.ts'

/** The bench, in the order in which it is run. */
export const parts: readonly Part[] = [ceilings, drain, costs, pace, ladder, idle, replicas, growth]
