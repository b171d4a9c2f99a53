import { isUtf8 } from 'node:buffer'
import { parseBody, withField } from '../../../stages/body.ts'
import { pipeline } from '../../../stages/index.ts'
import { Refusal, type ReasonCode } from '../../../stages/refusal.ts'
import { noContext } from '../../support/data/compute-context.ts'

/** The expected result of one stage. */
export interface Step {
  readonly stage: string
  readonly result: string
  /** The body after the stage. */
  readonly body: string
}

/** The expected rows of a message. */
export interface ExpectedOutcome {
  readonly steps: readonly Step[]
  /** Undefined for a message that finishes. */
  readonly deadLetter: { readonly stage: string; readonly reason: ReasonCode; readonly value: Buffer | null } | undefined
}

/** The largest body in bytes: see `kafkaSettings`. */
const MAX_BYTES = 900_000

/**
 * The expected outcome of a body that enters at the stage that reads `topic`: the stages' functions, one after the other,
 * without Kafka and Postgres.
 */
export function expectedOutcome(topic: string, value: Buffer | null): ExpectedOutcome {
  const steps: Step[] = []
  let current = value
  for (const stage of pipeline.slice(pipeline.findIndex(({ reads }) => reads === topic))) {
    try {
      const body = decoded(current)
      const result = JSON.stringify(stage.apply(body, noContext))
      const next = withField(body, stage.adds, result)
      if (Buffer.byteLength(next) > MAX_BYTES) throw new Refusal('too-large')
      steps.push({ stage: stage.name, result, body: next })
      current = Buffer.from(next)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return { steps, deadLetter: { stage: stage.name, reason: error.code, value: current } }
    }
  }
  return { steps, deadLetter: undefined }
}

function decoded(value: Buffer | null) {
  if (value === null || value.length === 0) throw new Refusal('empty')
  if (!isUtf8(value)) throw new Refusal('not-utf8')
  return parseBody(value.toString())
}
