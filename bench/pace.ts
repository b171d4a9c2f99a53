import { setTimeout as pause } from 'node:timers/promises'
import { startChild } from '../local/child-process.ts'
import type { Database } from '../sql/database.ts'
import { pipeline } from '../stages/index.ts'
import { startOwnServers, type OwnServers } from '../test/own-servers.ts'
import { startFlow, type Flow } from './flow.ts'
import { inRounds, type Bench, type Part, type Planned } from './part.ts'
import type { Column, Figures } from './report.ts'
import { openSpanAccount } from './span-account.ts'
import { countSpending } from './spending.ts'
import { throughline } from './throughline.ts'
import { until } from './until.ts'

interface PaceCase extends Planned {
  readonly rate: number
  /** How much longer than the others it goes on: few messages have no 99th percentile. */
  readonly times: number
}

const cases: readonly PaceCase[] = [
  { name: '10 a second', about: 'RATE=10, three times as long as the others', rate: 10, times: 3 },
  { name: '100 a second', about: 'RATE=100', rate: 100, times: 1 },
  { name: '1000 a second', about: 'RATE=1000', rate: 1000, times: 1 },
]

const columns: readonly Column[] = [
  { key: 'messages', title: 'messages' },
  { key: 'perSecond', title: 'a second', digits: 1 },
  { key: 'p50', title: 'p50 ms', digits: 1 },
  { key: 'p95', title: 'p95 ms', digits: 1 },
  { key: 'p99', title: 'p99 ms', digits: 1 },
  { key: 'most', title: 'slowest ms', digits: 1 },
  { key: 'spansExpected', title: 'spans' },
  { key: 'spansLost', title: 'lost' },
  { key: 'tracesWhole', title: 'whole of 50' },
  { key: 'otherShare', title: 'others, % of the machine', digits: 1 },
]

/** The first messages meet connections that are not open and code that is not compiled. */
const WARM_UP_SECONDS = 3

/** A generator's span, and two of each stage. */
const SPANS_A_MESSAGE = 1 + 2 * pipeline.length
/** A rate below this share of what was asked for is another rate. */
const TOLERANCE = 0.95

async function measure(bench: Bench) {
  await using servers = await startOwnServers()
  await using flow = await startFlow(servers, bench)
  const measured = await inRounds(bench, cases, (one) => keepPace(one, { flow, servers }, bench))
  const note =
    `${bench.sizes.paceSeconds} s in each round, after ${WARM_UP_SECONDS} s that do not count. One generator; the six ` +
    `stages are the same processes throughout; every trace goes to ${flow.backend.name}, and its spans are counted as in ` +
    'the part `drain`: 13 a message. End to end is from the first topic to the last, as the table `finished` has it.'
  return { columns, notes: [note], ...measured }
}

interface ProcessContext {
  readonly flow: Flow
  readonly servers: OwnServers
}

async function keepPace(one: PaceCase, { flow, servers }: ProcessContext, bench: Bench): Promise<Figures> {
  const { stages, backend, trial } = flow
  const { database, env } = trial
  const { signal } = bench
  const seconds = bench.sizes.paceSeconds * one.times
  const settle = await openSpanAccount({ backend, stages, signal })
  const begun = await timeOf(database)
  await using generator = await startChild(throughline(['generator'], { ...env, RATE: String(one.rate) }))
  const [already] = await entered(database)
  const hasBegun = async () => (await entered(database))[0]
  await until({ what: 'The generator', reached: hasBegun, goal: already + 1, everyMs: 50, signal })
  await pause(WARM_UP_SECONDS * 1000, undefined, { signal })
  const spending = countSpending({
    ...stages.components(),
    servers: [servers.kafka.pid, servers.postgres.pid, backend.pid, generator.pid],
  })
  const from = await timeOf(database)
  await pause(seconds * 1000, undefined, { signal })
  const to = await timeOf(database)
  const { shares } = spending()
  await generator.stop()
  const waiting = async () => {
    const [all, done] = await entered(database)
    return done - all
  }
  await until({ what: 'The messages', reached: waiting, goal: 0, everyMs: 100, signal })
  const figures = await percentiles(database, from, to)
  const perSecond = (figures['messages'] ?? 0) / seconds
  if (perSecond < one.rate * TOLERANCE) throw new Error(`only ${perSecond.toFixed(1)} a second entered`)
  return {
    ...figures,
    ...shares,
    perSecond,
    ...(await settle(await idsSince(database, begun), SPANS_A_MESSAGE)),
  }
}

/** How many messages have entered and how many have finished. */
async function entered(database: Database): Promise<readonly [entered: number, finished: number]> {
  const { rows } = await database.query<{ entered: number; finished: number }>(
    'select (select sum(entered) from stage_totals)::float8 as entered, (select count(*) from finished)::float8 as finished',
  )
  return [rows[0]?.entered ?? 0, rows[0]?.finished ?? 0]
}

async function timeOf(database: Database): Promise<string> {
  const { rows } = await database.query<{ now: string }>('select clock_timestamp()::text as now')
  return rows[0]?.now ?? ''
}

async function idsSince(database: Database, time: string): Promise<string[]> {
  const { rows } = await database.query<{ id: string }>(
    "select encode(uuid_send(message_id), 'hex') as id from inputs where created_at >= $1",
    [time],
  )
  return rows.map(({ id }) => id)
}

async function percentiles(database: Database, from: string, to: string): Promise<Figures> {
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
