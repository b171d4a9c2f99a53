import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../test/support/data/random.ts'
import { greatestCommonDivisor } from './integers.ts'
import { lcmOfIntegers } from './least-common-multiple.ts'

const random = seededRandom(3)
const upTo = (limit: number): bigint => BigInt(1 + Math.floor(random() * limit))

function simpleGcd(a: bigint, b: bigint): bigint {
  return b === 0n ? a : simpleGcd(b, a % b)
}

function simpleLcm(integers: readonly bigint[]): bigint {
  return integers.reduce((multiple, integer) => (multiple / simpleGcd(multiple, integer)) * integer, 1n)
}

describe('the greatest common divisor', () => {
  test('is the same in every width of arithmetic', () => {
    for (let round = 0; round < 3000; round += 1) {
      const shared = upTo(1e6) ** BigInt(1 + (round % 5))
      const first = shared * upTo(1e9) ** BigInt(1 + (round % 4))
      const second = (shared * upTo(1e9)) % first
      expect(greatestCommonDivisor(first, second)).toBe(simpleGcd(first, second))
    }
  })

  test.each([
    [2n ** 31n, 2n ** 31n - 1n, 1n],
    [2n ** 31n, 2n ** 30n, 2n ** 30n],
    [2n ** 32n, 2n ** 31n, 2n ** 31n],
    [2n ** 53n, 2n ** 52n, 2n ** 52n],
    [2n ** 53n - 1n, 6361n, 6361n],
    [2n ** 64n, 2n ** 53n, 2n ** 53n],
    [7n, 0n, 7n],
    [2n ** 100n, 0n, 2n ** 100n],
  ])('of %i and %i is %i', (first, second, divisor) => {
    expect(greatestCommonDivisor(first, second)).toBe(divisor)
  })
})

describe('the least common multiple', () => {
  test.each([1, 2, 16, 17, 40, 300])('of %i integers is that of the simple method', (count) => {
    for (const limit of [10, 1000, 1e9]) {
      const integers = Array.from({ length: count }, () => upTo(limit))
      expect(lcmOfIntegers(integers)).toBe(simpleLcm(integers))
    }
  })

  test('of long integers with much in common is that of the simple method', () => {
    const factors = Array.from({ length: 30 }, () => upTo(1e15) ** 10n)
    const pairs = Array.from({ length: 200 }, (_, index) => [factors[index % 30], factors[(index * 7) % 30]])
    const integers = pairs.map(([one = 1n, other = 1n]) => one * other)
    expect(lcmOfIntegers(integers)).toBe(simpleLcm(integers))
  })

  test('of integers that all divide the first one is the first one', () => {
    const integers = [720_720n ** 50n, ...Array.from({ length: 200 }, () => upTo(16))]
    expect(lcmOfIntegers(integers)).toBe(720_720n ** 50n)
  })
})
