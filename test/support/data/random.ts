/**
 * A repeatable source of random numbers from 0 up to, not including, 1.
 * Source: Park and Miller's minimal standard generator, multiplier of 1993; each step is exact in a double.
 * @param seed from 1 to 2,147,483,646
 */
export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return (state - 1) / 2_147_483_646
  }
}

/** One of the items; the list must not be empty. */
export function oneOf<T>(random: () => number, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)] as T
}

/** The items in random order. */
export function shuffled<T>(random: () => number, items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, place: random() }))
    .toSorted((one, other) => one.place - other.place)
    .map(({ item }) => item)
}
