import { describe, expect, test } from 'vitest'
import { decimalOf, plain } from './decimal.ts'
import { log10 } from './integers.ts'

describe('a decimal is written in plain notation', () => {
  test.each([
    [0n, 0, '0'],
    [0n, 5, '0'],
    [0n, -5, '0'],
    [7n, 0, '7'],
    [-7n, 0, '-7'],
    [7n, -3, '7000'],
    [-7n, -3, '-7000'],
    [7n, 3, '0.007'],
    [-7n, 1, '-0.7'],
    [1250n, 2, '12.5'],
    [1200n, 2, '12'],
    [-1200n, 2, '-12'],
    [10n, 2, '0.1'],
    [123n, 3, '0.123'],
    [1001n, 3, '1.001'],
  ])('%i * 10^-%i as %s', (coefficient, scale, text) => {
    expect(plain(decimalOf(coefficient, scale))).toBe(text)
    expect(JSON.stringify([decimalOf(coefficient, scale)])).toBe(`[${text}]`)
  })

  test('without taking quadratic time for zeros inside a fraction', () => {
    const long = decimalOf(10n ** 200_000n + 1n, 300_000)
    expect(plain(long)).toHaveLength(300_002)
  })
})

test('the decimal logarithm is good to 12 digits on both sides of the largest double', () => {
  for (const exponent of [0, 1, 15, 16, 300, 308, 309, 310, 1500]) {
    expect(log10(10n ** BigInt(exponent))).toBeCloseTo(exponent, 9)
    expect(log10(3n * 10n ** BigInt(exponent))).toBeCloseTo(exponent + Math.log10(3), 9)
  }
})
