import { inspect } from 'node:util'
import { expect, test, vi } from 'vitest'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import { createLog } from '../log.ts'
import { createTraceExporter, exportTraces, isRefusal, refusedSpans } from './exporter.ts'
import { serveLocally } from '../../test/support/processes/local-http-server.ts'

const trace = (name: string) => [{ name } as ReadableSpan, { name } as ReadableSpan]
const failed = (code: number, message = 'no') => Object.assign(new Error(message), { code })

test('traces that the backend accepts are exported in one request', async () => {
  const send = vi.fn<(spans: readonly ReadableSpan[]) => Promise<void>>(() => Promise.resolve())
  expect(await exportTraces([trace('a'), trace('b')], { export: send })).toEqual([])
  expect(send.mock.calls.map(([spans]) => spans.length)).toEqual([4])
  expect(await exportTraces([], { export: send })).toEqual([])
  expect(send).toHaveBeenCalledTimes(1)
})

test.each([400, 413, 3])('a refusal, %i, halves the export down to the trace that is refused', async (code) => {
  const taken: string[] = []
  const send = (spans: readonly ReadableSpan[]) => {
    if (spans.some(({ name }) => name === 'bad')) return Promise.reject(failed(code))
    taken.push(...spans.map(({ name }) => name))
    return Promise.resolve()
  }
  const traces = ['a', 'b', 'bad', 'c', 'd'].map(trace)
  expect(await exportTraces(traces, { export: send })).toEqual([trace('bad')])
  expect(taken).toEqual(['a', 'a', 'b', 'b', 'c', 'c', 'd', 'd'])
})

test('any other failure is thrown: the export is to be made again', async () => {
  for (const error of [failed(503), failed(429), failed(14), failed(8), new Error('ECONNREFUSED')]) {
    expect(isRefusal(error)).toBe(false)
    await expect(exportTraces([trace('a')], { export: () => Promise.reject(error) })).rejects.toBe(error)
  }
  expect(isRefusal(failed(8, 'grpc: received message larger than max (5 vs. 4)'))).toBe(true)
})

test('a partial success says how many spans were refused, as a number or a text', () => {
  expect(refusedSpans('{"rejectedSpans":"12","errorMessage":"no"}')).toBe(12)
  expect(refusedSpans('{"rejectedSpans":3}')).toBe(3)
  expect(refusedSpans('{"rejectedSpans":"0"}')).toBe(0)
  expect(refusedSpans(new Error('other'))).toBe(0)
})

test('an answer that repeats the headers of the request comes into no error and no log', async () => {
  await using backend = await serveLocally((request, response) => {
    const authorization = String(request.headers['authorization'])
    response.statusMessage = authorization
    request.resume().on('end', () => response.writeHead(401).end(authorization))
  })
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', backend.origin)
  vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', 'authorization=Bearer hunter2')
  const log = createLog('silent', {})
  const logged = vi.spyOn(log, 'debug')
  for (const protocol of ['http/protobuf', 'http/json'] as const) {
    const exporter = await createTraceExporter(protocol, log, () => {})
    const error: unknown = await exporter.export([]).catch((cause: unknown) => cause)
    expect(String(error)).toBe('Error: the backend answers 401')
    expect(error).toMatchObject({ code: 401 })
    expect(inspect([error, logged.mock.calls], { depth: 9 })).not.toContain('hunter2')
    await exporter.close()
  }
  vi.unstubAllEnvs()
})
