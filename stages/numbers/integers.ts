export function absolute(value: bigint): bigint {
  return value < 0n ? -value : value
}

/** The decimal logarithm of the absolute value of an integer other than 0, accurate to 12 digits. */
export function log10(value: bigint): number {
  const double = Math.abs(Number(value))
  if (double < Infinity) return Math.log10(double)
  const hex = absolute(value).toString(16)
  return (Math.log2(Number(`0x${hex.slice(0, 13)}`)) + 4 * (hex.length - 13)) * Math.log10(2)
}

/** The product. Long lists are split in halves: multiplying factors of similar length is much faster. */
export function multiplyAll(factors: readonly bigint[]): bigint {
  if (factors.length <= 16) return factors.reduce((product, factor) => product * factor, 1n)
  const middle = factors.length >> 1
  return multiplyAll(factors.slice(0, middle)) * multiplyAll(factors.slice(middle))
}

/** Euclid's algorithm. */
export function greatestCommonDivisor(first: bigint, second: bigint): bigint {
  let [a, b] = [first, second]
  while (b !== 0n) [a, b] = [b, a % b]
  return a
}

/** The largest integer whose square is not above the value, by Newton's method from the double's root. */
export function integerRoot(value: bigint): bigint {
  let guess = BigInt(Math.floor(Math.sqrt(Number(value))))
  for (;;) {
    const rest = value - guess * guess
    if (rest >= 0n && rest <= 2n * guess) return guess
    guess = (guess + value / guess) >> 1n
  }
}
