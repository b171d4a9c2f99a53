import { log2 } from './decimal.ts'
import { greatestCommonDivisor } from './greatest-common-divisor.ts'
import { multiplied } from './multiplied.ts'
import { tooLong } from './result.ts'

/** Some integers with their product, unless that is longer than any multiple within the limit. */
interface Block {
  readonly integers: readonly bigint[]
  readonly product: bigint | undefined
  readonly halves: readonly [Block, Block] | undefined
}

/** Up to so many bits a block is not split: that would cost more than it saves. */
const SMALL_BLOCK = 1_024

/**
 * The least common multiple of positive integers.
 * @throws {Refusal} 'result-too-long' as soon as it has more than `mostDigits` digits, give or take one
 */
export function lcmOfIntegers(integers: readonly bigint[], mostDigits: number): bigint {
  const mostBits = (mostDigits + 1) * Math.log2(10)
  let bits = 0
  const append = (known: bigint, some: readonly bigint[]): bigint => {
    const grown = growth(known, some)
    bits += log2(grown)
    if (bits > mostBits) throw tooLong('lcm')
    return grown
  }
  /** As `growth`, for many: a long multiple meets many short integers in one division, not in one each. */
  const appendBlock = (known: bigint, { integers: some, product, halves }: Block): bigint => {
    const rest = product === undefined ? known : known % product
    if (rest === 0n) return 1n
    if (halves === undefined) return append(rest, some)
    const first = appendBlock(rest, halves[0])
    return first * appendBlock(rest * first, halves[1])
  }
  return integers.length <= 16 ? append(1n, integers) : appendBlock(1n, blockOf(integers, mostBits))
}

/**
 * What lcm(known, ...integers) is more than `known`, as a factor. `known` is positive and may be given modulo
 * a multiple of all the integers: what they share with it stays the same.
 */
function growth(known: bigint, integers: readonly bigint[]): bigint {
  let multiple = known
  for (const integer of integers) multiple *= integer / greatestCommonDivisor(integer, multiple % integer)
  return multiple / known
}

function blockOf(integers: readonly bigint[], mostBits: number): Block {
  const bits = integers.reduce((sum, integer) => sum + log2(integer), 0)
  const middle = integers.length >> 1
  const whole = middle === 0 || bits <= SMALL_BLOCK
  if (whole) return { integers, product: multiplied(integers), halves: undefined }
  const left = blockOf(integers.slice(0, middle), mostBits)
  const right = blockOf(integers.slice(middle), mostBits)
  const short = bits <= mostBits && left.product !== undefined && right.product !== undefined
  return { integers, product: short ? left.product * right.product : undefined, halves: [left, right] }
}
