/**
 * A source of chance for tests: from 0 up to, not including, 1, the same for the same seed from 1 to 2,147,483,646.
 * Source: Park and Miller's minimal standard generator with the multiplier of 1993; every step is exact in a double.
 */
export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return (state - 1) / 2_147_483_646
  }
}
