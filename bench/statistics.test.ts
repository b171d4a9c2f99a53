import { expect, test } from 'vitest'
import { spreadOf } from './statistics.ts'

test('the middle one of an odd number, the mean of the middle two of an even number', () => {
  expect(spreadOf([30, 10, 20])).toEqual({ median: 20, least: 10, most: 30 })
  expect(spreadOf([9, 100, 11, 10])).toEqual({ median: 10.5, least: 9, most: 100 })
  expect(spreadOf([7])).toEqual({ median: 7, least: 7, most: 7 })
})

test('nothing has no median', () => {
  expect(() => spreadOf([])).toThrow('no values')
})
