import { expect, test } from 'vitest'
import { carriedHeaders, headersFromText, headersToText, headerText, usableHeaders } from './headers.ts'

test('headers of others are carried, the machinery’s own are not', () => {
  const headers = { 'message-id': 'x', attempt: '1', 'sent-at': '1', 'entered-at': '1', traceparent: 'x' }
  expect(carriedHeaders(headers)).toBeUndefined()
  expect(carriedHeaders({ ...headers, tracestate: 'a=b', tenant: 'blue' })).toEqual({
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
  expect(headersFromText('')).toEqual({})
  expect(headersFromText(null)).toEqual({})
})

test('of several headers with one name the last counts', () => {
  expect(headerText({ attempt: [Buffer.from('1'), Buffer.from('2')] }, 'attempt')).toBe('2')
  expect(headerText({}, 'attempt')).toBeUndefined()
})

test('what kafkajs decodes but cannot send is made usable: no value, and names that every object has', () => {
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
  expect(Object.entries(headersFromText(headersToText(carriedHeaders(usable))))).toEqual(entries)
})
