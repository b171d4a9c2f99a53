import type { IHeaders } from 'kafkajs'

/** The headers that the machinery writes. All others are carried along untouched. */
export const ownHeaders = {
  id: 'message-id',
  attempt: 'attempt',
  /** When the previous stage began to publish: milliseconds since the epoch, microseconds behind the point. */
  sentAt: 'sent-at',
  /** When the broker had the message on the topic where it entered, same form. */
  enteredAt: 'entered-at',
  traceparent: 'traceparent',
} as const

const own = new Set<string>(Object.values(ownHeaders))

/**
 * A record's headers as they can be sent on: kafkajs gives null for a header without a value, and cannot send it; and it
 * collects them in an object that has a prototype.
 */
export function usableHeaders(headers: IHeaders = {}): IHeaders {
  return Object.getPrototypeOf(headers) !== Object.prototype && areUsable(headers)
    ? headers
    : madeUsable(headers)
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

/** The headers that are not the machinery's: tracestate, baggage, whatever a producer added. */
export function carriedHeaders(headers: IHeaders): IHeaders | undefined {
  let carried: IHeaders | undefined
  for (const name in headers) {
    if (!own.has(name)) (carried ??= Object.create(null) as IHeaders)[name] = headers[name]
  }
  return carried
}

/** Headers as the rows keep them: a JSON object of latin1 strings, which holds any bytes; null for none. */
export function headersToText(headers: IHeaders | undefined): string | null {
  return headers === undefined ? null : JSON.stringify(headers, latin1)
}

/** The inverse of {@link headersToText}. */
export function headersFromText(text: string | null): IHeaders {
  if (text === null || text === '') return {}
  const bytes = (value: string) => Buffer.from(value, 'latin1')
  const entries = Object.entries(JSON.parse(text) as Record<string, string | string[]>)
  return Object.fromEntries(
    entries.map(([name, value]) => [name, Array.isArray(value) ? value.map(bytes) : bytes(value)]),
  )
}

// JSON.stringify has called Buffer's toJSON before a replacer sees the value; `this` still has the Buffer.
function latin1(this: Record<string, unknown>, name: string, value: unknown): unknown {
  const raw = this[name]
  return Buffer.isBuffer(raw) ? raw.toString('latin1') : value
}
