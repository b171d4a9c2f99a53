import type { IHeaders } from '../kafka/client.ts'
import { createHeadSampler, formatTraceparent, spanId, traceIdOf, type TracedMessage } from '../telemetry/trace-context.ts'
import { type Config, isSdkDisabled } from './config.ts'

/** The headers that the pipeline writes. All others are forwarded untouched. */
export const ownHeaders = {
  id: 'message-id',
  attempt: 'attempt',
  /** When the previous stage began to publish: milliseconds since the epoch, with three decimals. */
  sentAt: 'sent-at',
  /** When the broker had the message on the topic where it entered, same form. */
  enteredAt: 'entered-at',
  traceparent: 'traceparent',
} as const

const own = new Set<string>(Object.values(ownHeaders))

/**
 * A record's headers in a form that can be sent. kafkajs decodes a header without a value as null, which it cannot send, and
 * its own decoder collects headers in an object with a prototype, whose members look like headers.
 */
export function usableHeaders(headers: IHeaders = {}): IHeaders {
  return Object.getPrototypeOf(headers) !== Object.prototype && areUsable(headers) ? headers : madeUsable(headers)
}

function areUsable(headers: IHeaders): boolean {
  for (const name in headers) {
    const value = headers[name]
    if (typeof value !== 'string' && !Buffer.isBuffer(value)) return false
  }
  return true
}

function madeUsable(headers: IHeaders): IHeaders {
  const usable = Object.create(null) as IHeaders
  for (const [name, value] of Object.entries(headers)) {
    const values = (Array.isArray(value) ? value : [value]).filter((one) => typeof one !== 'function')
    const [only = EMPTY, ...others] = values.map((one) => one ?? EMPTY)
    usable[name] = others.length === 0 ? only : [only, ...others]
  }
  return usable
}

const EMPTY = Buffer.alloc(0)

/** A header's text; of several with the same name the last. */
export function headerText(headers: IHeaders, name: string): string | undefined {
  const value = headers[name]
  const last = Array.isArray(value) ? value.at(-1) : value
  return typeof last === 'string' ? last : last?.toString()
}

/** The headers that the pipeline does not write: tracestate, baggage, whatever a producer added. Undefined for none. */
export function forwardedHeaders(headers: IHeaders): IHeaders | undefined {
  let forwarded: IHeaders | undefined
  for (const name in headers) {
    if (!own.has(name)) (forwarded ??= Object.create(null) as IHeaders)[name] = headers[name]
  }
  return forwarded
}

/** The traceparent that is sent with a message; undefined for none. */
export type TraceparentOf = (message: TracedMessage) => string | undefined

/**
 * The traceparent that a stage sends with a message names the stage's own send span, whose id is known before the tracer makes
 * that span. With OTEL_SDK_DISABLED the traceparent that came with a message is forwarded unchanged.
 */
export async function createPropagation(config: Config, stage: string): Promise<TraceparentOf> {
  if (isSdkDisabled()) return ({ parent }) => parent && formatTraceparent(parent)
  const isSampled = await createHeadSampler(config)
  return (message) =>
    formatTraceparent({
      traceId: traceIdOf(message),
      spanId: spanId(message.id, message.attempt, stage, 'send'),
      sampled: isSampled(message),
    })
}
