import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../test/support/data/random.ts'
import { decimalOf, type Decimal } from './decimal.ts'
import { integerRoot } from './integers.ts'
import { quotient, root, written, type Rounded } from './rounding.ts'

const random = seededRandom(5)
const number = (rounded: Rounded): number => Number(JSON.stringify(rounded))

/** A double as mantissa * 2^exponent. */
interface Binary {
  readonly mantissa: bigint
  readonly exponent: number
}

/** A random positive double; all exponents, subnormal ones included, are equally likely. */
function anyBinary(): Binary {
  const exponent = Math.floor(random() * 2046)
  const fraction = BigInt(Math.floor(random() * 2 ** 52)) | 1n
  if (exponent === 0) return { mantissa: fraction, exponent: -1074 }
  return { mantissa: fraction + 2n ** 52n, exponent: exponent - 1075 }
}

function double({ mantissa, exponent }: Binary): number {
  return Number(mantissa) * 2 ** exponent
}

function decimal({ mantissa, exponent }: Binary): Decimal {
  if (exponent >= 0) return decimalOf(mantissa << BigInt(exponent), 0)
  return decimalOf(mantissa * 5n ** BigInt(-exponent), -exponent)
}

/** Halfway between an odd double and the next. */
function halfway({ mantissa, exponent }: Binary): Binary {
  return { mantissa: 2n * mantissa + 1n, exponent: exponent - 1 }
}

function next({ mantissa, exponent }: Binary): Binary {
  return { mantissa: mantissa + 1n, exponent }
}

function nudged({ coefficient, scale }: Decimal, by: 1n | -1n): Decimal {
  return decimalOf(coefficient * 10n ** 30n + by, scale + 30)
}

function squared({ coefficient, scale }: Decimal): Decimal {
  return decimalOf(coefficient ** 2n, scale * 2)
}

function times({ coefficient, scale }: Decimal, factor: number): Decimal {
  return decimalOf(coefficient * BigInt(factor), scale)
}

const operations = [
  {
    name: 'a quotient',
    round: (value: Decimal) => number(quotient(times(value, 7), 7)),
    enclose: (value: Decimal) => value,
  },
  { name: 'a root', round: (value: Decimal) => number(root(value)), enclose: squared },
]

describe.each(operations)('$name over the whole range of doubles', ({ round, enclose }) => {
  const samples = Array.from({ length: 300 }, anyBinary)

  test('is the double itself when the exact value is a double', () => {
    for (const sample of samples) expect(round(enclose(decimal(sample)))).toBe(double(sample))
  })

  test('goes to the even neighbour from the midpoint, and to the nearer one beside it', () => {
    for (const sample of samples) {
      const middle = enclose(decimal(halfway(sample)))
      expect(round(middle)).toBe(double(next(sample)))
      expect(round(nudged(middle, 1n))).toBe(double(next(sample)))
      expect(round(nudged(middle, -1n))).toBe(double(sample))
    }
  })
})

test('a rounded double is never written like an exact integer', () => {
  expect(JSON.stringify([9_999_999_999_999_998, 1e16, -1e16, 123_456_789_012_345_680_000, 1e21, 1e300].map(written))).toBe(
    '[9999999999999998,1e+16,-1e+16,1.2345678901234568e+20,1e+21,1e+300]',
  )
})

test('the integer root is the largest integer whose square is not above the value', () => {
  for (let round = 0; round < 2000; round += 1) {
    const value = BigInt(Math.floor(random() * 2 ** 50)) ** BigInt(1 + (round % 5))
    const found = integerRoot(value)
    expect(found ** 2n <= value && (found + 1n) ** 2n > value).toBe(true)
  }
  expect([0n, 1n, 2n, 3n, 4n, 8n, 9n, 15n, 16n].map(integerRoot)).toEqual([0n, 1n, 1n, 1n, 2n, 2n, 3n, 3n, 4n])
})
