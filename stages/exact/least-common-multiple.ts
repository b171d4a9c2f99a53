import { absolute, commonScale, decimalOf, log2, zero, type Decimal } from './decimal.ts'
import { factored, unfactored } from './factored.ts'
import { greatestCommonDivisor } from './greatest-common-divisor.ts'
import { limits } from './limits.ts'
import { multiplied } from './product.ts'
import { checked, tooLong } from './result.ts'

/**
 * The least positive decimal that is a whole multiple of each number, signs aside; 0 when one of them is 0.
 * As if all were scaled to integers and the result scaled back. @throws {Refusal} 'result-too-long'
 */
export function leastCommonMultiple(numbers: readonly Decimal[]): Decimal {
  if (numbers.some(({ coefficient }) => coefficient === 0n)) return zero
  const scale = commonScale(numbers)
  return checked('lcm', scale === undefined ? ofManyScales(numbers) : ofOneScale(numbers, scale))
}

function ofOneScale(numbers: readonly Decimal[], scale: number): Decimal {
  const coefficients = numbers.map(({ coefficient }) => absolute(coefficient))
  // Zeros at the end of a fraction are not written, and up to `scale` digits of the multiple may be such zeros.
  return decimalOf(ofIntegers(coefficients, limits.resultDigits + Math.max(0, scale)), scale)
}

/** Of each prime the highest power. Scaling touches only those of 2 and 5, so it need not be carried out. */
function ofManyScales(numbers: readonly Decimal[]): Decimal {
  const parts = numbers.map(factored)
  const rests = parts.map(({ rest }) => rest)
  return unfactored({
    rest: ofIntegers(rests, limits.resultDigits),
    twos: Math.max(...parts.map(({ twos }) => twos)),
    fives: Math.max(...parts.map(({ fives }) => fives)),
  })
}

/** Of positive integers. @throws {Refusal} 'result-too-long' as soon as it has more digits, give or take one */
function ofIntegers(integers: readonly bigint[], mostDigits: number): bigint {
  const mostBits = (mostDigits + 1) * Math.log2(10)
  let bits = 0
  /**
   * What lcm(known, ...some) is more than `known`, as a factor. `known` may be given modulo the product of `some`:
   * so a long multiple meets many short integers in one division, not in one each.
   */
  const growth = (known: bigint, some: readonly bigint[]): bigint => {
    if (known === 0n) return 1n
    if (some.length > BLOCK) {
      const left = some.slice(0, some.length >> 1)
      const right = some.slice(some.length >> 1)
      const first = growth(modulo(known, left), left)
      return first * growth(modulo(known * first, right), right)
    }
    let multiple = known
    for (const integer of some) multiple *= integer / greatestCommonDivisor(integer, multiple % integer)
    const grown = multiple / known
    bits += log2(grown)
    if (bits > mostBits) throw tooLong('lcm')
    return grown
  }
  return growth(1n, integers)
}

function modulo(known: bigint, integers: readonly bigint[]): bigint {
  // Shorter than any product of theirs is what the leftmost blocks begin with.
  return known === 1n ? known : known % multiplied(integers)
}

const BLOCK = 16
