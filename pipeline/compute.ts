import { isUtf8 } from 'node:buffer'
import { inspect } from 'node:util'
import pRetry from 'p-retry'
import { parseBody, sourceOf, withField, type Body } from '../stages/body.ts'
import { inputField } from '../stages/index.ts'
import type { Message, Outcome } from '../sql/outcome.ts'
import { reasons, Refusal, shorten, Transient } from '../stages/refusal.ts'
import type { ComputeContext, Stage } from '../stages/stage.ts'
import { now } from '../telemetry/time.ts'
import { unlessAborted } from '../telemetry/wait-until.ts'

export interface ComputeOptions {
  readonly maxBytes: number
  /** Aborted when the batch is given up. */
  readonly signal: AbortSignal
}

/**
 * Runs a stage on one message. What a pure stage throws it would throw again each time, so it makes a dead letter. The outcome
 * of a stage that asks other systems is a promise, which rejects with the signal's reason when the batch is given up.
 */
export function compute(stage: Stage, message: Message, { maxBytes, signal }: ComputeOptions): Outcome | Promise<Outcome> {
  const begun = now()
  const startedAt = Math.max(begun, message.queuedAt)
  const times = () => ({ startedAt, computedAt: Math.max(now(), startedAt), skewMs: startedAt - begun })
  const succeeded = (body: Body, value: unknown): Outcome => {
    const result = toJson(value)
    const next = withField(body, stage.adds, result)
    refuseOver(maxBytes, next)
    const numbers = message.sentAt === undefined ? sourceOf(body, inputField) : undefined
    return { message, numbers, result, body: next, ...times() }
  }
  const failed = (error: unknown): Outcome => {
    const refusal =
      error instanceof Refusal ? error : new Refusal('stage-failed', `${stage.name} failed: ${describe(error)}`)
    const text = refusal.message || reasons[refusal.code]
    // An explanation may quote the input; control characters belong neither in a row nor on a terminal.
    return { message, reason: refusal.code, explanation: text.replaceAll(/\p{Cc}/gu, ' '), ...times() }
  }
  try {
    const body = decode(message.value)
    const work = new Work(stage, body, message, signal)
    const value = work.begin()
    if (!(value instanceof Promise)) return succeeded(body, value)
    const outcome = work.finish(value).then((result) => succeeded(body, result))
    return outcome.catch((error: unknown) => {
      signal.throwIfAborted()
      return failed(error)
    })
  } catch (error) {
    return failed(error)
  }
}

const DEFAULT_WORK_MS = 10_000

/** The work of a stage for one message. */
class Work implements ComputeContext {
  readonly #stage: Stage
  readonly #body: Body
  readonly #message: Message
  readonly #batch: AbortSignal
  readonly #timeoutMs: number
  #signal: AbortSignal | undefined

  constructor(stage: Stage, body: Body, message: Message, batch: AbortSignal) {
    this.#stage = stage
    this.#body = body
    this.#message = message
    this.#batch = batch
    this.#timeoutMs = stage.external?.timeoutMs ?? DEFAULT_WORK_MS
  }

  get id(): string {
    return this.#message.id
  }

  get attempt(): number {
    return this.#message.attempt
  }

  /** Made when it is asked for: a pure stage needs none. */
  get signal(): AbortSignal {
    return (this.#signal ??= AbortSignal.any([this.#batch, AbortSignal.timeout(this.#timeoutMs)]))
  }

  /** The first try. Its value, or a promise of it, which rejects when the try failed and another one may help. */
  begin(): unknown {
    try {
      return this.#stage.apply(this.#body, this)
    } catch (error) {
      if (error instanceof Transient) return Promise.reject(error)
      throw error
    }
  }

  /**
   * Tries again, with growing pauses, while a try fails with a Transient and there is time.
   * @throws {Refusal} 'gave-up' when there is none left; otherwise what a try throws
   */
  async finish(first: Promise<unknown>): Promise<unknown> {
    const { name } = this.#stage
    let failure: unknown
    // It is not taken up when the signal is aborted already.
    first.catch(() => undefined)
    const tries = pRetry((number) => (number === 1 ? first : this.#stage.apply(this.#body, this)), {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 100,
      maxTimeout: 2000,
      randomize: true,
      signal: this.signal,
      onFailedAttempt: ({ error }) => void (failure = error),
      shouldRetry: ({ error }) => error instanceof Transient,
    })
    try {
      return await unlessAborted(tries, this.signal)
    } catch (error) {
      if (!this.signal.aborted) throw error
      const cause = failure === undefined ? 'it has no answer' : describe(failure)
      throw new Refusal(
        'gave-up',
        `${name} gave up after ${this.#timeoutMs / 1000} s: ${cause}. Replay it when that is over.`,
      )
    }
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
