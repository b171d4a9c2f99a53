import { isUtf8 } from 'node:buffer'
import { parseBody, withField } from '../../stages/body.ts'
import { pipeline } from '../../stages/index.ts'
import { Refusal, type ReasonCode } from '../../stages/refusal.ts'

/** What one stage must have made of a message. */
export interface Step {
  readonly stage: string
  readonly result: string
  /** The whole body behind the stage. */
  readonly body: string
}

/** What must have become of a message. */
export interface Reference {
  readonly steps: readonly Step[]
  /** Where and why it must have died; undefined when it must have finished. */
  readonly death:
    | { readonly stage: string; readonly reason: ReasonCode; readonly value: Buffer | null }
    | undefined
}

/** The bytes that a body may have: see `kafkaSettings`. */
const MAX_BYTES = 900_000

/**
 * What must become of a body that enters at the stage that reads `topic`: the catalogue's functions, one after the other,
 * without any of the machinery.
 */
export function referenceChain(topic: string, value: Buffer | null): Reference {
  const steps: Step[] = []
  let current = value
  for (const stage of pipeline.slice(pipeline.findIndex(({ reads }) => reads === topic))) {
    try {
      const body = decoded(current)
      const result = JSON.stringify(stage.apply(body))
      const next = withField(body, stage.adds, result)
      if (Buffer.byteLength(next) > MAX_BYTES) throw new Refusal('too-large')
      steps.push({ stage: stage.name, result, body: next })
      current = Buffer.from(next)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return { steps, death: { stage: stage.name, reason: error.code, value: current } }
    }
  }
  return { steps, death: undefined }
}

function decoded(value: Buffer | null) {
  if (value === null || value.length === 0) throw new Refusal('empty')
  if (!isUtf8(value)) throw new Refusal('not-utf8')
  return parseBody(value.toString())
}
