import { commonScale, decimalOf, zero, type Decimal } from './decimal.ts'
import { factored, unfactored } from './factored.ts'
import { absolute, greatestCommonDivisor, log2, multiplyAll } from './integers.ts'
import { checked, limits, tooLong } from './limits.ts'

/** So many integers share one division of a long multiple. */
const CHUNK = 64

/**
 * The smallest positive decimal that is a whole multiple of each number, signs aside; 0 when one of them is 0.
 * It equals scaling all to integers and scaling the result back. @throws {Refusal} 'result-too-long'
 */
export function leastCommonMultiple(numbers: readonly Decimal[]): Decimal {
  if (numbers.some(({ coefficient }) => coefficient === 0n)) return zero
  const scale = commonScale(numbers)
  return checked('lcm', scale === undefined ? lcmOfManyScales(numbers) : lcmOfOneScale(numbers, scale))
}

function lcmOfOneScale(numbers: readonly Decimal[], scale: number): Decimal {
  const coefficients = numbers.map(({ coefficient }) => absolute(coefficient))
  // Trailing zeros after the point are not written; up to `scale` digits of the multiple may be such zeros.
  return decimalOf(lcmOfIntegers(coefficients, limits.resultDigits + Math.max(0, scale)), scale)
}

/** The highest power of each prime. Scaling changes only those of 2 and 5, so it need not be carried out. */
function lcmOfManyScales(numbers: readonly Decimal[]): Decimal {
  const parts = numbers.map(factored)
  const rests = parts.map(({ rest }) => rest)
  return unfactored({
    rest: lcmOfIntegers(rests, limits.resultDigits),
    twos: Math.max(...parts.map(({ twos }) => twos)),
    fives: Math.max(...parts.map(({ fives }) => fives)),
  })
}

/**
 * The least common multiple of positive integers.
 * @throws {Refusal} 'result-too-long' when it has more than `maxDigits` digits, to within one
 */
export function lcmOfIntegers(integers: readonly bigint[], maxDigits: number): bigint {
  const distinct = integers.length <= CHUNK ? integers : [...new Set(integers)]
  let [multiple, digits] = [1n, 0]
  for (let start = 0; start < distinct.length; start += CHUNK) {
    const chunk = distinct.slice(start, start + CHUNK)
    const growth = growthBy(chunk, start === 0 ? 1n : multiple % multiplyAll(chunk))
    digits += log2(growth) * Math.log10(2)
    if (digits > maxDigits + 1) throw tooLong('lcm')
    multiple *= growth
  }
  return multiple
}

/** lcm(known, ...integers) / known. `known` may be reduced modulo a common multiple of the integers. */
function growthBy(integers: readonly bigint[], known: bigint): bigint {
  if (known === 0n) return 1n
  let multiple = known
  for (const integer of integers) multiple *= integer / greatestCommonDivisor(integer, multiple % integer)
  return multiple / known
}
