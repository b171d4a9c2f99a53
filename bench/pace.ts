import { setTimeout as pause } from 'node:timers/promises'
import { startChild } from '../local/child-process.ts'
import type { Database } from '../pipeline/database.ts'
import { startOwnServers } from '../test/own-servers.ts'
import { startFlow, type Flow } from './flow.ts'
import { inRounds, type Bench, type Part, type Planned } from './part.ts'
import type { Column, Figures } from './report.ts'
import { throughline } from './throughline.ts'
import { until } from './until.ts'

const cases: readonly (Planned & { readonly rate: number })[] = [10, 100, 1000].map((rate) => ({
  name: `${rate} a second`,
  about: `RATE=${rate}`,
  rate,
}))

const columns: readonly Column[] = [
  { key: 'messages', title: 'messages' },
  { key: 'p50', title: 'p50 ms', digits: 1 },
  { key: 'p95', title: 'p95 ms', digits: 1 },
  { key: 'p99', title: 'p99 ms', digits: 1 },
  { key: 'most', title: 'slowest ms', digits: 1 },
]

/** The first messages meet connections that are not open and code that is not compiled. */
const WARM_UP_SECONDS = 3

async function measure(bench: Bench) {
  await using servers = await startOwnServers()
  await using flow = await startFlow(servers, bench)
  const measured = await inRounds(bench, cases, ({ rate }) => keepPace(rate, flow, bench))
  const seconds = bench.sizes.paceSeconds
  const note =
    `${seconds} s in each round, after ${WARM_UP_SECONDS} s that do not count. One generator; the six stages ` +
    `are the same processes throughout; every trace goes to ${flow.backend.name}. End to end is from the first topic to ` +
    'the last, as the table `finishes` has it.'
  return { columns, notes: [note], ...measured }
}

async function keepPace(rate: number, flow: Flow, bench: Bench): Promise<Figures> {
  const { database, env } = flow.trial
  const [already = 0] = await entered(database)
  await using generator = await startChild(throughline(['generator'], { ...env, RATE: String(rate) }))
  const hasBegun = async () => (await entered(database))[0] ?? 0
  await until({
    what: 'The generator',
    reached: hasBegun,
    goal: already + 1,
    everyMs: 50,
    signal: bench.signal,
  })
  await pause(WARM_UP_SECONDS * 1000, undefined, { signal: bench.signal })
  const [from] = await timeOf(database)
  await pause(bench.sizes.paceSeconds * 1000, undefined, { signal: bench.signal })
  const [to] = await timeOf(database)
  await generator.stop()
  const allFinished = async () => {
    const [all = 0, done = 0] = await entered(database)
    return done - all
  }
  await until({ what: 'The messages', reached: allFinished, goal: 0, everyMs: 100, signal: bench.signal })
  return await percentiles(database, from, to)
}

/** How many messages have entered and how many have finished. */
async function entered(database: Database): Promise<number[]> {
  const { rows } = await database.query<{ entered: number; finished: number }>(
    'select (select sum(entered) from stage_totals)::float8 as entered, (select count(*) from finishes)::float8 as finished',
  )
  return rows.flatMap((row) => [row.entered, row.finished])
}

async function timeOf(database: Database): Promise<string[]> {
  const { rows } = await database.query<{ now: string }>('select clock_timestamp()::text as now')
  return rows.map(({ now }) => now)
}

async function percentiles(database: Database, from?: string, to?: string): Promise<Figures> {
  const share = (fraction: number) => `percentile_cont(${fraction}) within group (order by seconds) * 1000`
  const { rows } = await database.query<Record<string, number>>(
    `select count(*)::float8 as messages, ${share(0.5)} as p50, ${share(0.95)} as p95, ${share(0.99)} as p99,
       max(seconds) * 1000 as most
     from end_to_end where entered_at between $1 and $2`,
    [from, to],
  )
  return rows[0] ?? {}
}

export const pace: Part = {
  name: 'pace',
  about: 'End to end through all six stages at a steady rate, every message traced.',
  measure,
}
