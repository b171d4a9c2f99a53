/** The W3C trace context of a span: https://www.w3.org/TR/trace-context/#traceparent-header */
export interface Traceparent {
  /** 32 lower-case hex digits. */
  readonly traceId: string
  /** 16 lower-case hex digits. */
  readonly spanId: string
  readonly sampled: boolean
}

const version0 = /^00-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})$/
/** A later version may have more behind the flags; what is known of it is read as in version 0. */
const later = /^(?!00|ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(-.*)?$/

/** Undefined for what the specification calls invalid: wrong form, version ff, all-zero ids. */
export function parseTraceparent(text: string): Traceparent | undefined {
  const [, traceId, spanId, flags] = version0.exec(text) ?? later.exec(text) ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

export function formatTraceparent({ traceId, spanId, sampled }: Traceparent): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`
}
