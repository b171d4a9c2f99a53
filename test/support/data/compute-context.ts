import type { ComputeContext } from '../../../stages/stage.ts'

/** For a stage that uses none of it. */
export const noContext: ComputeContext = { id: '0'.repeat(32), attempt: 1, signal: new AbortController().signal }
