import { expect, test } from 'vitest'
import { encodeSpans } from '../telemetry/otlp-spans.ts'
import { finishedSpan } from '../telemetry/finished-span.ts'
import { SpanKind } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { startSink } from './span-backend.ts'

const context = { traceId: '0193a1b2c3d47e5f8a9b0c1d2e3f4a5b', spanId: '00f067aa0ba902b7', traceFlags: 1 }
const span = finishedSpan('x', SpanKind.CONSUMER, resourceFromAttributes({}), {
  context,
  parent: undefined,
  from: 0,
  to: 1,
  attributes: {},
})

/** A body whose last part comes only when it is let go. */
function heldBack(bytes: Uint8Array) {
  const isFree = Promise.withResolvers<void>()
  async function* parts() {
    yield bytes.subarray(0, 5)
    await isFree.promise
    yield bytes.subarray(5)
  }
  return { body: ReadableStream.from(parts()), release: isFree.resolve }
}

test('spans of requests that come at the same time are all counted', async () => {
  await using sink = await startSink()
  const url = sink.env['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? ''
  const bodies = [1, 2, 3].map((count) => heldBack(encodeSpans(Array.from({ length: count }, () => span))))
  const requests = bodies.map(({ body }) => fetch(url, { method: 'POST', body, duplex: 'half' }))
  // Each has its connection, and is begun before the next question is answered.
  await sink.count()
  for (const { release } of bodies) release()
  await Promise.all(requests)
  expect(await sink.count()).toEqual({ received: 6, discarded: 0 })
})
