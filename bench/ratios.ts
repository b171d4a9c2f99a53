import type { Ceiling } from './ceilings.ts'
import type { Case, Column, PartReport } from './report.ts'
import { medianOf } from './statistics.ts'
import { pipeline } from '../stages/index.ts'

interface Ratio extends Column {
  readonly ceiling: Ceiling
  /** How many of the ceiling's things one message needs. */
  readonly each: number
}

const hops = pipeline.length

const ratios: readonly Ratio[] = [
  { key: 'loop', title: 'of the bare loop', ceiling: 'bare loop', each: 1, digits: 2 },
  { key: 'rows', title: 'of the same with rows', ceiling: 'bare loop with rows', each: 1, digits: 2 },
  { key: 'insert', title: 'of raw inserts', ceiling: 'raw insert', each: hops, digits: 2 },
  { key: 'produce', title: 'of raw produce', ceiling: 'raw produce', each: hops, digits: 2 },
]

/** Every drain as a share of what the ceilings of the same run would allow; undefined when one of the two was not run. */
export function ratiosOf(parts: readonly PartReport[]): PartReport | undefined {
  const ceilings = parts.find(({ part }) => part === 'ceilings')?.cases ?? []
  const cases = parts
    .filter(({ part }) => part === 'drain' || part === 'costs')
    .flatMap(({ part, cases: own }) => own.map((one) => ({ ...one, name: `${part}, ${one.name}` })))
    .flatMap((one) => ratiosFor(one, ceilings))
  if (cases.length === 0) return undefined
  return {
    part: 'ratios',
    about:
      'Medians of finished/s, divided by the medians of the ceilings: a message is six rows and six records.',
    columns: ratios,
    cases,
    notes: [],
    problems: [],
    isDerived: true,
  }
}

function ratiosFor({ name, about, rounds }: Case, ceilings: readonly Case[]): Case[] {
  const finished = medianOf(rounds, 'finished')
  if (finished === undefined) return []
  const entries = ratios.flatMap(({ key, ceiling, each }) => {
    const most = medianOf(ceilings.find((one) => one.name === ceiling)?.rounds ?? [], 'perSecond')
    return most === undefined ? [] : [[key, (finished * each) / most] as const]
  })
  return entries.length === 0 ? [] : [{ name, about, rounds: [Object.fromEntries(entries)] }]
}
