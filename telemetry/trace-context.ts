import { createHash } from 'node:crypto'

/** The W3C trace context of a span: https://www.w3.org/TR/trace-context/#traceparent-header */
interface Traceparent {
  /** 32 lower-case hex digits. */
  readonly traceId: string
  /** 16 lower-case hex digits. */
  readonly spanId: string
  readonly sampled: boolean
}

const version0 = /^00-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})$/
/** A later version may have more fields after the flags; its first four are read as in version 0. */
const later = /^(?!00|ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(-.*)?$/

/** Undefined for what the specification calls invalid: wrong form, version ff, all-zero ids. */
export function parseTraceparent(text: string): Traceparent | undefined {
  const [, traceId, parentId, flags] = version0.exec(text) ?? later.exec(text) ?? []
  if (traceId === undefined || parentId === undefined || flags === undefined) return undefined
  return { traceId, spanId: parentId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

export function formatTraceparent(context: Traceparent): string {
  return `00-${context.traceId}-${context.spanId}-${context.sampled ? '01' : '00'}`
}

/** What the trace of a message depends on. */
export interface TracedMessage {
  /** 32 lower-case hex digits. */
  readonly id: string
  /** 1, then one more for each replay. */
  readonly attempt: number
  /** The span that sent it, when it came with one. */
  readonly parent: Traceparent | undefined
  /** Undefined for a message that enters the pipeline here, without headers of a stage. */
  readonly sentAt?: number | undefined
}

/** The trace of a message: the one it came with, otherwise its id. A replay has another one, made of id and attempt. */
export function traceIdOf({ id, attempt, parent }: TracedMessage): string {
  if (parent !== undefined) return parent.traceId
  return attempt === 1 ? id : createHash('sha256').update(`${id}/${attempt}`).digest('hex').slice(0, 32)
}

/** The two spans of a message at a stage: processing it, and sending its result or dead letter. */
export type SpanKindName = 'process' | 'send'

/**
 * A span's id, 16 hex digits, derived from its message, attempt, stage and kind: the id is known before the span exists, and
 * exporting the span again gives the same one. It is the XOR of both halves of the message id, since some UUIDs differ in
 * one half only, and a constant for each attempt, stage and kind.
 * @param id message id, 32 hex digits
 */
export function spanId(id: string, attempt: number, stage: string, kind: SpanKindName): string {
  const constant = constantOf(stage, attempt, kind)
  bytes.write(id, 'hex')
  let any = 0
  for (let index = 0; index < 8; index += 1) {
    const byte = (bytes[index] ?? 0) ^ (bytes[index + 8] ?? 0) ^ (constant[index] ?? 0)
    bytes[index] = byte
    any |= byte
  }
  // A span id of all zeros is invalid.
  if (any === 0) bytes[7] = 1
  return bytes.toString('hex', 0, 8)
}

const bytes = Buffer.alloc(16)
const MAX_CONSTANTS = 1000
const constants = new Map<string, Buffer>()

function constantOf(stage: string, attempt: number, kind: SpanKindName): Buffer {
  const name = `${stage}/${attempt}/${kind}`
  let constant = constants.get(name)
  if (constant === undefined) {
    // A message posted by hand may have any attempt number, so the map must not grow with them.
    if (constants.size >= MAX_CONSTANTS) constants.clear()
    constant = createHash('sha256').update(name).digest().subarray(0, 8)
    constants.set(name, constant)
  }
  return constant
}

/**
 * Whether the tail decision keeps a message's trace for its age alone.
 * @param slowerThan seconds; 0 for no such rule
 */
export function isSlow(ageMs: number, slowerThan: number): boolean {
  return slowerThan > 0 && ageMs > slowerThan * 1000
}

/**
 * The head decision, whether a message's trace is kept: made once, where the message enters, by the sampler that
 * OTEL_TRACES_SAMPLER names, which may follow the flag that the message came with. From there on the flag in its traceparent
 * says so.
 */
export async function createHeadSampler(settings: {
  /** A name from OpenTelemetry's specification, such as `parentbased_traceidratio`. */
  readonly OTEL_TRACES_SAMPLER: string
  /** The ratio, 0 to 1. */
  readonly OTEL_TRACES_SAMPLER_ARG: number
}) {
  const [, follows, kind = ''] = /^(parentbased_)?(.*)$/.exec(settings.OTEL_TRACES_SAMPLER) ?? []
  const decide = await rootDecision(kind, settings.OTEL_TRACES_SAMPLER_ARG)
  return (message: TracedMessage): boolean => {
    const { parent, sentAt } = message
    const isDecided = parent !== undefined && (sentAt !== undefined || follows !== undefined)
    return isDecided ? parent.sampled : decide(traceIdOf(message))
  }
}

async function rootDecision(kind: string, ratio: number): Promise<(traceId: string) => boolean> {
  if (kind === 'always_on' || kind === 'always_off') return () => kind === 'always_on'
  // Loaded only for a ratio: it takes 3 MB.
  const { SamplingDecision, TraceIdRatioBasedSampler } = await import('@opentelemetry/sdk-trace')
  const { ROOT_CONTEXT } = await import('@opentelemetry/api')
  const sampler = new TraceIdRatioBasedSampler(ratio)
  const { RECORD_AND_SAMPLED } = SamplingDecision
  return (traceId) => sampler.shouldSample(ROOT_CONTEXT, traceId).decision === RECORD_AND_SAMPLED
}
