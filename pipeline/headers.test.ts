import { afterEach, expect, test, vi } from 'vitest'
import { headersFromText, headersToText } from '../sql/outcome.ts'
import { spanId } from '../telemetry/trace-context.ts'
import { message } from '../test/support/data/outcomes.fixture.ts'
import { readConfig } from './config.ts'
import { createPropagation, forwardedHeaders, headerText, usableHeaders } from './headers.ts'

afterEach(() => vi.unstubAllEnvs())

test('headers of other producers are forwarded, the pipeline’s own are not', () => {
  const headers = { 'message-id': 'x', attempt: '1', 'sent-at': '1', 'entered-at': '1', traceparent: 'x' }
  expect(forwardedHeaders(headers)).toBeUndefined()
  expect(forwardedHeaders({ ...headers, tracestate: 'a=b', tenant: 'blue' })).toEqual({
    tracestate: 'a=b',
    tenant: 'blue',
  })
})

test('any bytes survive in a row, several of one name too', () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  const headers = { binary: bytes, twice: [Buffer.from('one'), Buffer.from('two')], empty: Buffer.alloc(0) }
  expect(headersFromText(headersToText(headers))).toEqual(headers)
})

test('no headers are an empty text, and back', () => {
  expect(headersToText(undefined)).toBeNull()
  expect(headersFromText(null)).toEqual({})
})

test('of several headers with one name the last counts', () => {
  expect(headerText({ attempt: [Buffer.from('1'), Buffer.from('2')] }, 'attempt')).toBe('2')
  expect(headerText({}, 'attempt')).toBeUndefined()
})

test('headers that kafkajs decodes but cannot send are made usable: without a value, and with names that every object has', () => {
  const decoded = {
    nothing: null as never,
    twice: [Buffer.from('1'), null as never],
    ['constructor']: [Object as never, Buffer.from('c')],
    ['__proto__']: Buffer.from('p'),
  }
  const usable = usableHeaders(decoded)
  const entries = [
    ['nothing', Buffer.alloc(0)],
    ['twice', [Buffer.from('1'), Buffer.alloc(0)]],
    ['constructor', Buffer.from('c')],
    ['__proto__', Buffer.from('p')],
  ]
  expect(Object.entries(usable)).toEqual(entries)
  expect(Object.entries(headersFromText(headersToText(forwardedHeaders(usable))))).toEqual(entries)
})

const parent = { traceId: 'f'.repeat(32), spanId: 'b'.repeat(16), sampled: false }

test('the traceparent names the message’s own trace, or the one it came with, and the span that sends it', async () => {
  const traceparentOf = await createPropagation(readConfig({}), 'add')
  const own = message(1)
  expect(traceparentOf(own)).toBe(`00-${own.id}-${spanId(own.id, 1, 'add', 'send')}-01`)
  const foreign = message(2, { parent })
  expect(traceparentOf(foreign)).toBe(`00-${parent.traceId}-${spanId(foreign.id, 1, 'add', 'send')}-00`)
})

test('with OTEL_SDK_DISABLED the traceparent that came with a message is forwarded unchanged', async () => {
  vi.stubEnv('OTEL_SDK_DISABLED', 'true')
  const traceparentOf = await createPropagation(readConfig({}), 'add')
  expect(traceparentOf(message(1))).toBeUndefined()
  expect(traceparentOf(message(2, { parent }))).toBe(`00-${parent.traceId}-${parent.spanId}-00`)
})
