import { pipeline } from '../stages/index.ts'
import type { Case, Column, PartReport } from './report.ts'

const names = [...pipeline.map(({ name }) => name), 'tracer', 'broker', 'Postgres', 'Tempo']

/** What every process of the drains took, a row each; undefined when no drain was measured. */
export function processTable(parts: readonly PartReport[]): PartReport | undefined {
  const drains = parts
    .filter(({ part }) => part === 'drain')
    .flatMap(({ cases }) => cases.filter(({ rounds }) => rounds.length > 0))
  if (drains.length === 0) return undefined
  return {
    part: 'processes',
    about: 'The drains again, process by process: microseconds of processor time a message, and memory.',
    columns: drains.flatMap(({ name }): Column[] => [
      { key: `${name}Cpu`, title: `${name}: CPU us` },
      { key: `${name}Memory`, title: 'MB' },
    ]),
    cases: names.map((name) => ({ name, about: '', rounds: roundsOf(name, drains) })),
    notes: [
      'Of a stage and the tracer it is the most memory that it ever had resident, of the others, with their children, what they ' +
        'have at the end, pages that several share counted once.',
    ],
    problems: [],
    isDerived: true,
  }
}

/** Side by side what the same round of each drain says of one process. */
function roundsOf(process: string, drains: readonly Case[]): Case['rounds'] {
  const count = Math.max(...drains.map(({ rounds }) => rounds.length))
  return Array.from({ length: count }, (_, round) => {
    const figures = drains.flatMap(({ name, rounds }) =>
      ['Cpu', 'Memory'].flatMap((what) => {
        const value = rounds[round]?.[process + what]
        return value === undefined ? [] : [[name + what, value] as const]
      }),
    )
    return Object.fromEntries(figures)
  })
}
