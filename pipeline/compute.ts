import { isUtf8 } from 'node:buffer'
import { inspect } from 'node:util'
import { parseBody, sourceOf, withField, type Body } from '../stages/body.ts'
import { inputField } from '../stages/index.ts'
import type { Message, Outcome } from '../sql/outcome.ts'
import { reasons, Refusal, shorten } from '../stages/refusal.ts'
import type { Stage } from '../stages/stage.ts'
import { now } from '../telemetry/time.ts'

/** Runs a stage on one message. Stages are pure, so an error would be thrown again each time: it makes a dead letter. */
export function compute(stage: Stage, message: Message, maxBytes: number): Outcome {
  const begun = now()
  const startedAt = Math.max(begun, message.queuedAt)
  const times = () => ({ startedAt, computedAt: Math.max(now(), startedAt), skewMs: startedAt - begun })
  try {
    const body = decode(message.value)
    const result = toJson(stage.apply(body))
    const next = withField(body, stage.adds, result)
    refuseOver(maxBytes, next)
    return {
      message,
      numbers: message.sentAt === undefined ? sourceOf(body, inputField) : undefined,
      result,
      body: next,
      ...times(),
    }
  } catch (error) {
    const refusal =
      error instanceof Refusal ? error : new Refusal('stage-failed', `${stage.name} failed: ${describe(error)}`)
    const text = refusal.message || reasons[refusal.code]
    // An explanation may quote the input; control characters belong neither in a row nor on a terminal.
    return { message, reason: refusal.code, explanation: text.replaceAll(/\p{Cc}/gu, ' '), ...times() }
  }
}

function decode(value: Buffer | null): Body {
  if (value === null || value.length === 0) throw new Refusal('empty')
  if (!isUtf8(value)) throw new Refusal('not-utf8')
  return parseBody(value.toString())
}

function describe(error: unknown): string {
  return shorten(error instanceof Error ? `${error.name}: ${error.message}` : inspect(error), 300)
}

/** @throws {Refusal} for what JSON cannot represent: undefined, functions, NaN, infinities, circles */
function toJson(value: unknown): string {
  try {
    const json = JSON.stringify(value)
    if (json === undefined) throw new TypeError(`the stage returned ${typeof value}`)
    // JSON.stringify writes NaN as null without an error, so only a text with a null needs the check.
    if (json.includes('null')) JSON.stringify(value, refuseNonFinite)
    return json
  } catch (error) {
    throw new Refusal('result-not-json', `The result is not JSON: ${describe(error)}`, { cause: error })
  }
}

function refuseNonFinite(key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`${key || 'it'} is ${value}`)
  return value
}

function refuseOver(maxBytes: number, body: string): void {
  // A UTF-16 unit takes at most three bytes of UTF-8, so bytes are counted only near the limit.
  if (body.length * 3 <= maxBytes) return
  const bytes = Buffer.byteLength(body)
  if (bytes <= maxBytes) return
  throw new Refusal('too-large', `With its result the body has ${bytes} bytes; a record may have ${maxBytes}.`)
}
