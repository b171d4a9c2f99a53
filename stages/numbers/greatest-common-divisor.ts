const LARGEST_SAFE = BigInt(Number.MAX_SAFE_INTEGER)
const LARGEST_INT32 = 0x7fff_ffff

/** Euclid's, of integers with first > second >= 0: each step in the narrowest arithmetic that holds both. */
export function greatestCommonDivisor(first: bigint, second: bigint): bigint {
  let [a, b] = [first, second]
  while (a > LARGEST_SAFE && b !== 0n) [a, b] = [b, a % b]
  return b === 0n ? a : BigInt(ofDoubles(Number(a), Number(b)))
}

function ofDoubles(first: number, second: number): number {
  let [a, b] = [first, second]
  while (a > LARGEST_INT32 && b !== 0) [a, b] = [b, a % b]
  return b === 0 ? a : ofInt32(a, b)
}

/** The processor divides 32-bit integers, and `| 0` tells the compiler; for doubles it calls a function. */
function ofInt32(first: number, second: number): number {
  let [a, b] = [first | 0, second | 0]
  while (b !== 0) [a, b] = [b, (a % b) | 0]
  return a
}
