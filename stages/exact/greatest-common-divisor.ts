const LARGEST = BigInt(Number.MAX_SAFE_INTEGER)

/** Euclid's, of a positive and a non-negative integer; on doubles as soon as both fit. */
export function greatestCommonDivisor(first: bigint, second: bigint): bigint {
  let [a, b] = [first, second]
  while (a > LARGEST && b !== 0n) [a, b] = [b, a % b]
  return b === 0n ? a : BigInt(ofSafeIntegers(Number(a), Number(b % a)))
}

function ofSafeIntegers(first: number, second: number): number {
  let [a, b] = [first, second]
  while (b !== 0) [a, b] = [b, a % b]
  return a
}
