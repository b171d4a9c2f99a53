import { describe, expect, test } from 'vitest'
import { inputField } from './index.ts'
import { randomNumbers, type Ranges } from './random-numbers.ts'
import { seededRandom } from '../test/support/data/random.ts'

const defaults: Ranges = { countMin: 3, countMax: 20, min: 1000, max: 100_000, decimals: 2 }
const lowest = (): number => 0
const highest = (): number => 1 - Number.EPSILON / 2

const head = `{"${inputField}":[`

function tokens(text: string): string[] {
  expect(text).toMatch(new RegExp(String.raw`^\{"${inputField}":\[[^\]]+\]\}$`))
  return text.slice(head.length, -2).split(',')
}

describe('randomNumbers', () => {
  test('is the same for the same random numbers, and differs from body to body', () => {
    expect(randomNumbers(seededRandom(1), defaults)).toBe(randomNumbers(seededRandom(1), defaults))
    const random = seededRandom(1)
    expect(randomNumbers(random, defaults)).not.toBe(randomNumbers(random, defaults))
  })

  test('stays within its ranges and writes every number with the same decimals', () => {
    const random = seededRandom(2)
    for (let round = 0; round < 500; round += 1) {
      const numbers = tokens(randomNumbers(random, defaults))
      expect(numbers.length).toBeGreaterThanOrEqual(3)
      expect(numbers.length).toBeLessThanOrEqual(20)
      for (const number of numbers) {
        expect(number).toMatch(/^\d+\.\d\d$/)
        expect(Number(number)).toBeGreaterThanOrEqual(1000)
        expect(Number(number)).toBeLessThanOrEqual(100_000)
      }
    }
  })

  test('draws every count', () => {
    const random = seededRandom(3)
    const counts = new Set(Array.from({ length: 2000 }, () => tokens(randomNumbers(random, defaults)).length))
    expect(counts.size).toBe(18)
  })

  test('includes both bounds', () => {
    expect(randomNumbers(lowest, defaults)).toBe(`${head}1000.00,1000.00,1000.00]}`)
    expect(tokens(randomNumbers(highest, defaults))).toEqual(Array.from({ length: 20 }, () => '100000.00'))
  })

  test.each([
    [{ min: 1.1, max: 1.1, decimals: 2 }, '1.10'],
    [{ min: 4.35, max: 4.35, decimals: 2 }, '4.35'],
    [{ min: -0.05, max: -0.05, decimals: 2 }, '-0.05'],
    [{ min: -7, max: -7, decimals: 0 }, '-7'],
    [{ min: 0, max: 0, decimals: 3 }, '0.000'],
    [{ min: 0.001, max: 0.019, decimals: 2 }, '0.01'],
    [{ min: 1e-7, max: 1e-7, decimals: 8 }, '0.00000010'],
    [{ min: 9_007_199_254_740_991, max: 9_007_199_254_740_991, decimals: 0 }, '9007199254740991'],
  ])('writes %j as %s', (range, expected) => {
    expect(randomNumbers(seededRandom(4), { countMin: 1, countMax: 1, ...range })).toBe(`${head}${expected}]}`)
  })

  test('draws from both sides of zero', () => {
    const ranges = { countMin: 500, countMax: 500, min: -0.2, max: 0.2, decimals: 1 }
    expect(new Set(tokens(randomNumbers(seededRandom(5), ranges)))).toEqual(new Set(['-0.2', '-0.1', '0.0', '0.1', '0.2']))
  })

  test('rejects ranges without numbers or with too many', () => {
    expect(() => randomNumbers(lowest, { ...defaults, min: 0.001, max: 0.009 })).toThrow(RangeError)
    expect(() => randomNumbers(lowest, { ...defaults, min: 2, max: 1 })).toThrow(RangeError)
    expect(() => randomNumbers(lowest, { ...defaults, max: 1e15, decimals: 6 })).toThrow(RangeError)
  })
})
