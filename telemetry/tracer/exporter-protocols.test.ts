import type { IncomingMessage, ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { Server, ServerCredentials, status, type sendUnaryData } from '@grpc/grpc-js'
import { afterEach, expect, test, vi } from 'vitest'
import { createLog } from '../log.ts'
import { createTraceExporter, exportTraces, type Protocol } from './exporter.ts'
import { id, options, rows } from '../../test/support/data/spans.fixture.ts'
import { serveLocally } from '../../test/support/processes/local-http-server.ts'
import { spansOf } from './spans.ts'

afterEach(() => vi.unstubAllEnvs())

/** A backend for OTLP over gRPC: the port, and the requests that it received. */
async function grpcBackend(answer: (respond: sendUnaryData<Buffer>) => void) {
  const requests: Buffer[] = []
  const asIs = (bytes: Buffer) => bytes
  const path = '/opentelemetry.proto.collector.trace.v1.TraceService/Export'
  const server = new Server()
  server.addService(
    {
      export: {
        path,
        requestStream: false,
        responseStream: false,
        requestSerialize: asIs,
        requestDeserialize: asIs,
        responseSerialize: asIs,
        responseDeserialize: asIs,
      },
    },
    {
      export: (call: { request: Buffer }, respond: sendUnaryData<Buffer>) => {
        requests.push(call.request)
        answer(respond)
      },
    },
  )
  const bound = Promise.withResolvers<number>()
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
    error === null ? bound.resolve(port) : bound.reject(error),
  )
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', `http://127.0.0.1:${await bound.promise}`)
  let refused = 0
  const onRefused = (spans: number) => (refused += spans)
  const exporter = await createTraceExporter('grpc', createLog('silent', {}), onRefused)
  return {
    requests,
    exporter,
    refused: () => refused,
    async [Symbol.asyncDispose]() {
      await exporter.close()
      server.forceShutdown()
    },
  }
}

test('over gRPC spans arrive, and what the backend refuses of them is reported', async () => {
  await using backend = await grpcBackend((respond) => respond(null, Buffer.from([0x0a, 0x02, 0x08, 0x03])))
  await backend.exporter.export(spansOf(rows(), options))
  expect(backend.requests.map((body) => body.includes(Buffer.from(id, 'hex')))).toEqual([true])
  expect(backend.refused()).toBe(3)
})

test('a refusal over gRPC is known as one: the halves are exported, and one trace is dropped', async () => {
  await using backend = await grpcBackend((respond) => respond({ code: status.INVALID_ARGUMENT, details: 'no such thing' }))
  const traces = [spansOf(rows(), options), spansOf(rows(), options)]
  expect(await exportTraces(traces, backend.exporter)).toHaveLength(2)
  expect(backend.requests).toHaveLength(3)
})

test('a process that stops does not wait for a backend that hangs', async () => {
  await using backend = await grpcBackend(() => {})
  const exporting = backend.exporter.export(spansOf(rows(), options)).catch(() => 'not answered')
  await vi.waitFor(() => expect(backend.requests).toHaveLength(1))
  await backend.exporter.close()
  expect(await Promise.race([exporting, Promise.resolve('closed')])).toBe('closed')
})

/** The request that a backend with this answer receives, and the number of spans that the exporter reports as refused. */
async function exported(protocol: Protocol, answer: Buffer | string = '', env: Record<string, string> = {}) {
  const requests: { readonly body: Buffer; readonly encoding: string | undefined }[] = []
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    requests.push({ body: await buffer(request), encoding: request.headers['content-encoding'] })
    response.end(answer)
  }
  await using server = await serveLocally((request, response) => void handle(request, response))
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', server.origin)
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  let refused = 0
  const exporter = await createTraceExporter(protocol, createLog('silent', {}), (spans) => (refused += spans))
  await exporter.export(spansOf(rows(), options))
  await exporter.close()
  return { ...requests[0], refused }
}

test('spans go out as protobuf or JSON, as the protocol says', async () => {
  const { body: protobuf } = await exported('http/protobuf')
  expect(protobuf?.includes(Buffer.from(id, 'hex'))).toBe(true)
  const { body: json } = await exported('http/json')
  expect(JSON.parse(String(json))).toMatchObject({ resourceSpans: expect.any(Array) })
  expect(String(json)).toContain(id)
})

test('OTEL_EXPORTER_OTLP_COMPRESSION is heeded', async () => {
  const { body, encoding } = await exported('http/protobuf', '', { OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' })
  expect(encoding).toBe('gzip')
  expect(gunzipSync(body ?? '').includes(Buffer.from(id, 'hex'))).toBe(true)
})

test('spans that the backend refuses while it accepts others are reported', async () => {
  // partial_success { rejected_spans: 3 }
  const partial = Buffer.from([0x0a, 0x02, 0x08, 0x03])
  expect((await exported('http/protobuf', partial)).refused).toBe(3)
  expect((await exported('http/json', '{"partialSuccess":{"rejectedSpans":"2"}}')).refused).toBe(2)
  expect((await exported('http/protobuf')).refused).toBe(0)
})

test('a backend that is away is an error', async () => {
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://127.0.0.1:1')
  vi.stubEnv('OTEL_EXPORTER_OTLP_TIMEOUT', '200')
  for (const protocol of ['http/protobuf', 'grpc'] as const) {
    const exporter = await createTraceExporter(protocol, createLog('silent', {}), () => {})
    await expect(exporter.export(spansOf(rows(), options))).rejects.toThrow(
      /ECONNREFUSED|timed? ?out|UNAVAILABLE|unreachable|deadline/i,
    )
    await exporter.close()
  }
})
