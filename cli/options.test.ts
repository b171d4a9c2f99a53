import { InvalidArgumentError } from 'commander'
import { expect, test, vi } from 'vitest'
import { messageId, pastTime, positiveWhole, seconds } from './options.ts'

test('a count is a whole number from 1', () => {
  expect(positiveWhole('20')).toBe(20)
  for (const bad of ['0', '-1', '1.5', '', 'many', '1e3', '99999999999']) {
    expect(() => positiveWhole(bad)).toThrow(InvalidArgumentError)
  }
})

test('a time is in seconds, and may be none', () => {
  expect([seconds('30'), seconds('0.5'), seconds('0')]).toEqual([30, 0.5, 0])
  for (const bad of ['-1', '', '1s', 'Infinity', 'NaN']) expect(() => seconds(bad)).toThrow(InvalidArgumentError)
})

test('a past time is a duration before now, or an ISO time, in UTC unless it says otherwise', () => {
  vi.useFakeTimers({ now: new Date('2026-11-27T12:00:00Z') })
  const iso = (text: string) => pastTime(text).toISOString()
  expect(['45s', '30m', '2h', '7d', '0s'].map(iso)).toEqual([
    '2026-11-27T11:59:15.000Z',
    '2026-11-27T11:30:00.000Z',
    '2026-11-27T10:00:00.000Z',
    '2026-11-20T12:00:00.000Z',
    '2026-11-27T12:00:00.000Z',
  ])
  vi.useRealTimers()
  // The third form is that in which commands print times.
  expect(['2026-11-24', '2026-11-24T02:30', '2026-11-24 02:30:11Z', '2026-11-24T02:30:11.5+01:00'].map(iso)).toEqual([
    '2026-11-24T00:00:00.000Z',
    '2026-11-24T02:30:00.000Z',
    '2026-11-24T02:30:11.000Z',
    '2026-11-24T01:30:11.500Z',
  ])
  for (const bad of [
    '',
    '2',
    '2w',
    '-2h',
    '1.5h',
    '2 h',
    'yesterday',
    '2026-02-31',
    '2026-13-01',
    '2026-11-24T25:00Z',
    '999999d',
  ]) {
    expect(() => pastTime(bad)).toThrow(InvalidArgumentError)
  }
})

test('an id is 32 hex digits, with or without dashes, in any case', () => {
  const id = '019ab2c4d5e67f8091a2b3c4d5e6f708'
  expect(messageId(id)).toBe(id)
  expect(messageId('019AB2C4-D5E6-7F80-91A2-B3C4D5E6F708')).toBe(id)
  expect(() => messageId('019ab2c4')).toThrow(InvalidArgumentError)
})
