import { DROP_A_DAY } from './growth-questions.ts'
import type { Case, Column, PartReport } from './report.ts'
import { medianOf } from './statistics.ts'

type Parts = readonly PartReport[]

/** What the project wants to reach on two cores. */
interface Goal {
  readonly name: string
  /** The bound. `isLeast`: what is measured is to be at least that much; otherwise under it. */
  readonly bound: number
  readonly isLeast?: true
  /** What was measured; undefined when it was not. */
  readonly measured: (parts: Parts) => number | undefined
}

const figure = (part: string, name: string, key: string) => (parts: Parts) => {
  const found = casesOf(parts, part).find((one) => one.name === name)
  return found && medianOf(found.rounds, key)
}

function casesOf(parts: Parts, name: string): readonly Case[] {
  return parts.find(({ part }) => part === name)?.cases ?? []
}

const spansLost = (name: string): Goal => ({
  name: `drain, ${name}: spans lost, under`,
  bound: 1,
  measured: figure('drain', name, 'spansLost'),
})

const paced = (rate: string): readonly Goal[] => [
  { name: `pace, ${rate}: p50 ms, under`, bound: 12, measured: figure('pace', rate, 'p50') },
  { name: `pace, ${rate}: p95 ms, under`, bound: 20, measured: figure('pace', rate, 'p95') },
]

const goals: readonly Goal[] = [
  {
    name: 'drain, untraced: finished/s, at least',
    bound: 8000,
    isLeast: true,
    measured: figure('drain', 'untraced', 'finished'),
  },
  {
    name: 'drain: finished/s, sampled to untraced, at least',
    bound: 0.97,
    isLeast: true,
    measured: ratio('drain', 'finished', ['sampled', 'untraced']),
  },
  {
    name: 'drain: CPU of stages, kept to untraced, under',
    bound: 1.05,
    measured: ratio('drain', 'stagesCpu', ['kept', 'untraced']),
  },
  {
    name: 'drain, kept: s until the tracer is done, under',
    bound: 180,
    measured: figure('drain', 'kept', 'tracerSeconds'),
  },
  spansLost('sampled'),
  spansLost('kept'),
  {
    name: 'drain, kept: peak MB of a stage, under',
    bound: 140,
    measured: figure('drain', 'kept', 'stageMemory'),
  },
  {
    name: 'costs: finished/s, two decimals to integers, at least',
    bound: 0.8,
    isLeast: true,
    measured: ratio('costs', 'finished', ['two decimals', 'everything but traces']),
  },
  ...paced('10 a second'),
  ...paced('100 a second'),
  { name: 'growth: ms of the slowest question of Grafana, under', bound: 300, measured: slowestOfGrafana },
  {
    name: 'growth: ms of status, under',
    bound: 1000,
    measured: (parts) => largest(parts, 'throughline status'),
  },
  {
    name: 'growth: ms to drop a day beside a writer, under',
    bound: 1000,
    measured: (parts) => largest(parts, DROP_A_DAY),
  },
  {
    name: 'idle: % of a core for a stage, under',
    bound: 1,
    measured: figure('idle', 'a stage process', 'mean'),
  },
  { name: 'idle: MB of a stage, under', bound: 90, measured: figure('idle', 'a stage process', 'memory') },
]

/** A figure of one case, divided by the same of another. */
function ratio(part: string, key: string, [of, to]: readonly [of: string, to: string]): Goal['measured'] {
  return (parts) => {
    const [one, other] = [figure(part, of, key)(parts), figure(part, to, key)(parts)]
    return one === undefined || other === undefined ? undefined : one / other
  }
}

/** A question's median at the largest number of rows, whose column is the last. */
function largest(parts: Parts, name: string): number | undefined {
  const key = parts.find(({ part }) => part === 'growth')?.columns.at(-1)?.key ?? ''
  return figure('growth', name, key)(parts)
}

function slowestOfGrafana(parts: Parts): number | undefined {
  // "pipeline: Latest messages": a question of ours has no colon.
  const asked = casesOf(parts, 'growth').filter(({ name }) => name.includes(': '))
  return asked.length === 0 ? undefined : Math.max(...asked.map(({ name }) => largest(parts, name) ?? 0))
}

const columns: readonly Column[] = [
  { key: 'measured', title: 'measured', digits: 2 },
  { key: 'bound', title: 'goal', digits: 2 },
]

/** The goals that this run can speak of; undefined when there are none. */
export function goalsOf(parts: Parts): PartReport | undefined {
  const known = goals.flatMap((goal) => {
    const measured = goal.measured(parts)
    return measured === undefined ? [] : [{ ...goal, measured }]
  })
  if (known.length === 0) return undefined
  const missed = known.filter(({ bound, isLeast, measured }) =>
    isLeast === true ? measured < bound : measured >= bound,
  )
  const all = missed.map(({ name }) => `"${name}"`).join(', ')
  return {
    part: 'goals',
    about: 'What this run says of the goals, which are meant for two cores and full size: medians.',
    columns,
    cases: known.map(({ name, bound, measured }) => ({ name, about: '', rounds: [{ measured, bound }] })),
    notes: [missed.length === 0 ? 'All that were measured are reached.' : `Not reached: ${all}.`],
    problems: [],
    isDerived: true,
  }
}
