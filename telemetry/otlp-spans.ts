import type { SpanContext } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import {
  beginMessage,
  endMessage,
  newOutput,
  takeOutput,
  writeDouble,
  writeFields,
  writeFixed32,
  writeHex,
  writeNanoseconds,
  writeText,
  writeWhole,
  type Output,
} from './protobuf.ts'

/** Whether a span has nothing that is left to the exporter's own encoding, which costs three times as much. */
export function isPlain({
  events,
  links,
  attributes,
  resource,
  instrumentationScope,
}: ReadableSpan): boolean {
  if (events.length > 0 || links.length > 0 || instrumentationScope.schemaUrl || resource.schemaUrl)
    return false
  if (resource !== plainResource) {
    if (!areEncodable(resource.attributes)) return false
    plainResource = resource
  }
  return areEncodable(attributes)
}

/** The latest that was looked at: a process has one. */
let plainResource: ReadableSpan['resource'] | undefined

function areEncodable(attributes: ReadableSpan['attributes']): boolean {
  for (const name in attributes) {
    const value = attributes[name]
    if (typeof value === 'object') return false
    if (
      typeof value === 'number' &&
      Number.isInteger(value) &&
      !(value >= 0 && value <= Number.MAX_SAFE_INTEGER)
    ) {
      return false
    }
  }
  return true
}

/**
 * An export of spans that are all {@link isPlain}, as OTLP has it.
 * Source: opentelemetry/proto/trace/v1/trace.proto, whose numbers these are
 */
export function encodeSpans(spans: readonly ReadableSpan[]): Uint8Array {
  out.at = 0
  for (const [resource, ofResource] of Map.groupBy(spans, (span) => span.resource)) {
    const resourceSpans = beginMessage(out, 1, 4)
    const resourceStart = beginMessage(out, 1, 2)
    writeAttributes(1, resource.attributes)
    endMessage(out, resourceStart, 2)
    for (const [scope, ofScope] of Map.groupBy(ofResource, (span) => span.instrumentationScope)) {
      const scopeSpans = beginMessage(out, 2, 4)
      const scopeStart = beginMessage(out, 1, 1)
      writeText(out, 1, scope.name)
      if (scope.version) writeText(out, 2, scope.version)
      endMessage(out, scopeStart, 1)
      for (const span of ofScope) writeSpan(2, span)
      endMessage(out, scopeSpans, 4)
    }
    endMessage(out, resourceSpans, 4)
  }
  return takeOutput(out)
}

const out = newOutput(65_536)

const [HAS_IS_REMOTE, IS_REMOTE] = [256, 512]

function writeSpan(field: number, span: ReadableSpan): void {
  const start = beginMessage(out, field, 2)
  const { parentSpanContext: parent, status } = span
  const context: SpanContext = span.spanContext()
  writeHex(out, 1, context.traceId)
  writeHex(out, 2, context.spanId)
  const state = context.traceState?.serialize()
  if (state) writeText(out, 3, state)
  if (parent?.spanId) writeHex(out, 4, parent.spanId)
  writeText(out, 5, span.name)
  // OTLP has an "unspecified" before the kinds that the API counts.
  writeWhole(out, 6, span.kind + 1)
  writeNanoseconds(out, 7, span.startTime)
  writeNanoseconds(out, 8, span.endTime)
  writeAttributes(9, span.attributes)
  if (span.droppedAttributesCount > 0) writeWhole(out, 10, span.droppedAttributesCount)
  const statusStart = beginMessage(out, 15, 1)
  if (status.message) writeText(out, 2, status.message)
  writeWhole(out, 3, status.code)
  endMessage(out, statusStart, 1)
  writeFixed32(out, 16, (context.traceFlags & 255) | HAS_IS_REMOTE | (parent?.isRemote ? IS_REMOTE : 0))
  endMessage(out, start, 2)
}

function writeAttributes(field: number, attributes: ReadableSpan['attributes']): void {
  for (const name in attributes) {
    const value = attributes[name]
    if (value !== undefined) writeAttribute(field, knownAttribute(name), value)
  }
}

/** What is known of an attribute: most have the same value in all spans of a process. */
interface Known {
  /** As a field. */
  readonly name: Uint8Array
  /** What it was the last time. */
  value: unknown
  /** Name and value as fields, once it had the same value twice. */
  bytes: Uint8Array | undefined
}

const known = new Map<string, Known>()
/** Names are few, unless somebody makes them up as they go. */
const MOST_NAMES = 200
const aside = newOutput()

function knownAttribute(name: string): Known {
  const found = known.get(name)
  if (found !== undefined) return found
  writeText(aside, 1, name)
  const attribute = { name: takeOutput(aside), value: undefined, bytes: undefined }
  if (known.size < MOST_NAMES) known.set(name, attribute)
  return attribute
}

function writeAttribute(field: number, attribute: Known, value: unknown): void {
  const start = beginMessage(out, field, 1)
  if (attribute.value !== value) {
    attribute.value = value
    attribute.bytes = undefined
    writeNameAndValue(out, attribute, value)
  } else {
    if (attribute.bytes === undefined) {
      writeNameAndValue(aside, attribute, value)
      attribute.bytes = takeOutput(aside)
    }
    writeFields(out, attribute.bytes)
  }
  endMessage(out, start, 1)
}

function writeNameAndValue(to: Output, { name }: Known, value: unknown): void {
  writeFields(to, name)
  const start = beginMessage(to, 2, 1)
  if (typeof value === 'string') writeText(to, 1, value)
  else if (typeof value === 'boolean') writeWhole(to, 2, Number(value))
  else if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) writeWhole(to, 3, value)
  else if (typeof value === 'number') writeDouble(to, 4, value)
  endMessage(to, start, 1)
}
