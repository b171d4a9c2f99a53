import { InvalidArgumentError } from 'commander'
import { expect, test } from 'vitest'
import { messageId, positiveWhole, seconds } from './options.ts'

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

test('an id is 32 hex digits, with or without dashes, in any case', () => {
  const id = '019ab2c4d5e67f8091a2b3c4d5e6f708'
  expect(messageId(id)).toBe(id)
  expect(messageId('019AB2C4-D5E6-7F80-91A2-B3C4D5E6F708')).toBe(id)
  expect(() => messageId('019ab2c4')).toThrow(InvalidArgumentError)
})
