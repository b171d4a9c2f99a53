import { startOwnServers } from '../test/support/own-servers.ts'
import { askEverything } from './growth-asking.ts'
import { dropDays } from './growth-dropping.ts'
import { grow } from './growth-loading.ts'
import type { Bench, Part } from './part.ts'
import type { Case, Column, Figures } from './report.ts'
import { medianOf } from './statistics.ts'
import { startTrial } from './trial.ts'

async function measure(bench: Bench) {
  await using servers = await startOwnServers()
  const timings = new Map<string, Figures[]>()
  const problems: string[] = []
  for (const rows of bench.sizes.rows) {
    await using trial = await startTrial(servers)
    const flow = await grow(trial, rows, bench)
    const answers = await askEverything(trial, flow, bench)
    problems.push(...answers.problems.map((problem) => `${named(rows)}, ${problem}`))
    for (const { name, milliseconds } of [...answers.timed, ...(await dropDays(trial, bench))]) {
      const rounds = timings.get(name) ?? milliseconds.map(() => ({}))
      timings.set(name, rounds)
      for (const [index, ms] of milliseconds.entries())
        Object.assign(rounds[index] ?? {}, { [keyOf(rows)]: ms })
    }
  }
  const columns = bench.sizes.rows.map((rows): Column => {
    return { key: keyOf(rows), title: `${named(rows)}, ms`, digits: 1 }
  })
  const largest = keyOf(Math.max(...bench.sizes.rows))
  const cases = [...timings]
    .map(([name, rounds]): Case => ({ name, about: '', rounds }))
    .toSorted((one, other) => (medianOf(other.rounds, largest) ?? 0) - (medianOf(one.rounds, largest) ?? 0))
  return { columns, cases, notes: [note, slowest(cases, largest)], problems }
}

const keyOf = (rows: number) => `rows${rows}`
const named = (rows: number) => `${rows.toLocaleString('en-US')} rows`

function slowest(cases: readonly Case[], key: string): string {
  const asked = cases.filter(({ name }) => !/^throughline|^dropping/.test(name))
  const [byMedian] = asked
  if (byMedian === undefined) return 'Nothing was asked.'
  const worst = ({ rounds }: Case) => Math.max(...rounds.map((round) => round[key] ?? 0))
  const [byWorst = byMedian] = asked.toSorted((one, other) => worst(other) - worst(one))
  return (
    `The slowest query of all at the largest size, by its median: "${byMedian.name}", ` +
    `${(medianOf(byMedian.rounds, key) ?? 0).toFixed(1)} ms; by its worst time: "${byWorst.name}", ` +
    `${worst(byWorst).toFixed(1)} ms.`
  )
}

const note =
  'Rows are those of `results`, in 20 days, each a partition, made by SQL as a flow of 100 messages a second leaves them ' +
  'up to the present time of day, 1 in 100 a dead letter, and 1 in 10 in a backlog that was drained partition by partition; ' +
  'the flow goes on between the questions. Each is asked five times, its median and spread are shown; a command is a ' +
  'process with its start. What depends on a range of time is asked for the last 15 minutes and for 24 hours. Last, the ' +
  'five oldest days are dropped while a writer inserts rows as fast as it can.'

export const growth: Part = {
  name: 'growth',
  about:
    'Every reporting view, every question of dashboards and alert rules, and the commands, on more and more rows.',
  measure,
}
