/** Of figures that were measured several times: the middle one, and the two at the ends. */
export interface Spread {
  readonly median: number
  readonly least: number
  readonly most: number
}

/** @throws {RangeError} when there is nothing to describe */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((one, other) => one - other)
  const [least, most] = [sorted[0], sorted.at(-1)]
  if (least === undefined || most === undefined) throw new RangeError('no values')
  const [low, high] = [sorted[(sorted.length - 1) >> 1] ?? least, sorted[sorted.length >> 1] ?? most]
  return { median: (low + high) / 2, least, most }
}

/** The median of a figure over rounds; undefined when none of them has it. */
export function medianOf(
  rounds: readonly Readonly<Record<string, number>>[],
  key: string,
): number | undefined {
  const values = rounds.flatMap((round) => round[key] ?? [])
  return values.length === 0 ? undefined : spreadOf(values).median
}
