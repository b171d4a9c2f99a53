import { expect, test } from 'vitest'
import { carriedHeaders, headersFromText, headersToText, headerText } from './headers.ts'

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
  expect(headersToText(undefined)).toBe('')
  expect(headersFromText('')).toEqual({})
  expect(headersFromText(null)).toEqual({})
})

test('of several headers with one name the last counts', () => {
  expect(headerText({ attempt: [Buffer.from('1'), Buffer.from('2')] }, 'attempt')).toBe('2')
  expect(headerText({}, 'attempt')).toBeUndefined()
})
