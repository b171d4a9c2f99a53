import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { afterEach, expect, test, vi } from 'vitest'
import { createLog } from '../log.ts'
import { createTraceExporter, type Protocol } from './exporter.ts'
import { id, options, rows } from '../../test/support/spans.fixture.ts'
import { spansOf } from './spans.ts'

afterEach(() => vi.unstubAllEnvs())

/** What a backend gets of an export that it answers so, and what is told of its answer. */
async function exported(protocol: Protocol, answer: Buffer | string = '', env: Record<string, string> = {}) {
  const requests: { readonly body: Buffer; readonly encoding: string | undefined }[] = []
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    requests.push({ body: await buffer(request), encoding: request.headers['content-encoding'] })
    response.end(answer)
  }
  const server = createServer((request, response) => void take(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', `http://127.0.0.1:${port}`)
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  let refused = 0
  const exporter = await createTraceExporter({
    protocol,
    log: createLog('silent', {}),
    onRefused: (spans) => (refused += spans),
  })
  await exporter.export(spansOf(rows(), options))
  await exporter.close()
  server.closeAllConnections()
  server.close()
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

test('spans that the backend refuses while it takes others are told', async () => {
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
    const exporter = await createTraceExporter({
      protocol,
      log: createLog('silent', {}),
      onRefused: () => {},
    })
    await expect(exporter.export(spansOf(rows(), options))).rejects.toThrow(
      /ECONNREFUSED|timed? ?out|UNAVAILABLE|unreachable|deadline/i,
    )
    await exporter.close()
  }
})
