import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { SpanKind } from '@opentelemetry/api'
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { afterEach, expect, test, vi } from 'vitest'
import { createExporter, type Protocol } from './exporter.ts'
import { finishedSpan } from './finished-span.ts'
import { encodeSpans } from './otlp-spans.ts'

afterEach(() => vi.unstubAllEnvs())

const context = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 }
const resource = resourceFromAttributes({ 'service.name': 'add' })
const plain = { context, parent: undefined, from: 1, to: 2, attributes: { position: 1 } }
const plainSpan = finishedSpan('process start', SpanKind.CONSUMER, resource, plain)
const linkedSpan = finishedSpan('process start', SpanKind.CONSUMER, resource, {
  ...plain,
  links: [{ context }],
})

/** What a backend gets of an export that it answers so, and what is heard of its answer. */
async function exported(protocol: Protocol, spans: (typeof plainSpan)[], answer: Buffer | string = '') {
  const bodies: Buffer[] = []
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    bodies.push(await buffer(request))
    response.end(answer)
  }
  const server = createServer((request, response) => void take(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', `http://127.0.0.1:${port}`)
  let rejected = 0
  const exporter = await createExporter(protocol, (count) => (rejected += count))
  const { code } = await new Promise<{ code: number }>((resolve) => exporter.export(spans, resolve))
  await exporter.shutdown()
  server.closeAllConnections()
  server.close()
  return { body: bodies[0], code, rejected }
}

test('plain spans go out as our own encoding has them, others as the SDK has them', async () => {
  const theirs = (span: typeof plainSpan) =>
    Buffer.from(ProtobufTraceSerializer.serializeRequest([span]) ?? [])
  const ours = Buffer.from(encodeSpans([plainSpan]))
  expect(ours.equals(theirs(plainSpan))).toBe(false)
  expect((await exported('http/protobuf', [plainSpan])).body).toEqual(ours)
  expect((await exported('http/protobuf', [linkedSpan])).body).toEqual(theirs(linkedSpan))
})

test('spans that the backend rejects while it takes others are told', async () => {
  // partial_success { rejected_spans: 3 }
  const bytes = Buffer.from([0x0a, 0x02, 0x08, 0x03])
  expect(await exported('http/protobuf', [plainSpan], bytes)).toMatchObject({ code: 0, rejected: 3 })
  const json = '{"partialSuccess":{"rejectedSpans":"2"}}'
  expect(await exported('http/json', [plainSpan], json)).toMatchObject({ code: 0, rejected: 2 })
  expect(await exported('http/protobuf', [plainSpan])).toMatchObject({ code: 0, rejected: 0 })
})
