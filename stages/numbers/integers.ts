const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER)
const MAX_INT32 = 0x7fff_ffff

export function absolute(value: bigint): bigint {
  return value < 0n ? -value : value
}

/** The binary logarithm of a positive integer of any length, accurate to 12 digits. */
export function log2(value: bigint): number {
  const double = Number(value)
  if (double < Infinity) return Math.log2(double)
  const hex = value.toString(16)
  const leading = hex.slice(0, 13)
  return Math.log2(Number.parseInt(leading, 16)) + 4 * (hex.length - leading.length)
}

/** The product. Long lists are split in halves: multiplying factors of similar length is much faster. */
export function multiplyAll(factors: readonly bigint[]): bigint {
  if (factors.length <= 16) return factors.reduce((product, factor) => product * factor, 1n)
  const middle = factors.length >> 1
  return multiplyAll(factors.slice(0, middle)) * multiplyAll(factors.slice(middle))
}

/** Euclid's algorithm, for first > second >= 0. Each step uses the fastest arithmetic that holds both. */
export function greatestCommonDivisor(first: bigint, second: bigint): bigint {
  let [a, b] = [first, second]
  while (a > MAX_SAFE && b !== 0n) [a, b] = [b, a % b]
  return b === 0n ? a : BigInt(gcdOfDoubles(Number(a), Number(b)))
}

function gcdOfDoubles(first: number, second: number): number {
  let [a, b] = [first, second]
  while (a > MAX_INT32 && b !== 0) [a, b] = [b, a % b]
  return b === 0 ? a : gcdOfInt32(a, b)
}

/** `| 0` makes V8 use the processor's 32-bit division; the remainder of doubles is a function call. */
function gcdOfInt32(first: number, second: number): number {
  let [a, b] = [first | 0, second | 0]
  while (b !== 0) [a, b] = [b, (a % b) | 0]
  return a
}

/** The largest integer whose square is not above the value, by Newton's method from the double's root. */
export function integerRoot(value: bigint): bigint {
  if (value < 2n) return value
  let guess = BigInt(Math.floor(Math.sqrt(Number(value))))
  for (;;) {
    const rest = value - guess * guess
    if (rest >= 0n && rest <= 2n * guess) return guess
    guess = (guess + value / guess) >> 1n
  }
}
