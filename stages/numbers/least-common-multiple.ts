import { zero, type Decimal } from './decimal.ts'
import { factored, unfactored } from './factored.ts'
import { absolute, greatestCommonDivisor, log10, multiplyAll } from './integers.ts'
import { limitDigits } from './limits.ts'

/** So many integers share one division of a long multiple. */
const CHUNK = 64

/**
 * The smallest positive decimal that is a whole multiple of each number, signs aside; 0 when one of them is 0.
 * It equals scaling all to integers and scaling the result back. @throws {Refusal} 'result-too-long'
 */
export function leastCommonMultiple(numbers: readonly Decimal[]): Decimal {
  if (numbers.some(({ coefficient }) => coefficient === 0n)) return zero
  if (numbers.every(({ scale }) => scale === 0)) {
    const multiple = lcmOfIntegers(numbers.map(({ coefficient }) => absolute(coefficient)))
    return unfactored('lcm', [multiple], { twos: 0, fives: 0 })
  }
  // The highest power of each prime. Scaling changes only those of 2 and 5, so it need not be carried out.
  const parts = numbers.map(factored)
  const rest = lcmOfIntegers(parts.map((part) => absolute(part.rest)))
  return unfactored('lcm', [rest], {
    twos: Math.max(...parts.map(({ twos }) => twos)),
    fives: Math.max(...parts.map(({ fives }) => fives)),
  })
}

/** The least common multiple of positive integers. @throws {Refusal} 'result-too-long' */
export function lcmOfIntegers(integers: readonly bigint[]): bigint {
  let multiple = 1n
  for (let start = 0; start < integers.length; start += CHUNK) {
    const chunk = integers.slice(start, start + CHUNK)
    let reduced = multiple % multiplyAll(chunk)
    for (const integer of chunk) {
      const factor = integer / greatestCommonDivisor(integer, reduced % integer)
      reduced *= factor
      multiple *= factor
    }
    limitDigits('lcm', log10(multiple) - 1)
  }
  return multiple
}
