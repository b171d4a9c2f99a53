import { absolute, commonScale, decimalOf, zero, type Decimal } from './decimal.ts'
import { factored, unfactored } from './factored.ts'
import { lcmOfIntegers } from './lcm-of-integers.ts'
import { limits } from './limits.ts'
import { checked } from './result.ts'

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
  // Zeros at the end of a fraction are not written, and up to `scale` digits of the multiple may be such.
  return decimalOf(lcmOfIntegers(coefficients, limits.resultDigits + Math.max(0, scale)), scale)
}

/** Of each prime the highest power. Scaling touches only those of 2 and 5, so it need not be carried out. */
function ofManyScales(numbers: readonly Decimal[]): Decimal {
  const parts = numbers.map(factored)
  const rests = parts.map(({ rest }) => rest)
  return unfactored({
    rest: lcmOfIntegers(rests, limits.resultDigits),
    twos: Math.max(...parts.map(({ twos }) => twos)),
    fives: Math.max(...parts.map(({ fives }) => fives)),
  })
}
