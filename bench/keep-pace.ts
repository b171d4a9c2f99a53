import { setTimeout as pause } from 'node:timers/promises'
import { startChild } from '../local/child-process.ts'
import type { Database } from '../sql/database.ts'
import { pipeline } from '../stages/index.ts'
import type { OwnServers } from '../test/support/own-servers.ts'
import { openCommitted } from './committed.ts'
import type { Flow } from './flow.ts'
import type { Figures } from './report.ts'
import { countSpending } from './spending.ts'
import { throughline } from './throughline.ts'
import { until } from './until.ts'

export interface Pace {
  /** Messages a second. */
  readonly rate: number
  readonly seconds: number
  readonly flow: Flow
  readonly servers: OwnServers
  readonly signal: AbortSignal
}

/** The first messages meet connections that are not open and code that is not compiled. */
export const WARM_UP_SECONDS = 3

/** What the pipeline did while a generator let messages in at a steady rate. It is empty again when this settles. */
export async function keepPace({ rate, seconds, flow, servers, signal }: Pace): Promise<Figures> {
  const { stages, backend, trial } = flow
  const { database, env } = trial
  await using committed = await openCommitted(trial)
  await using generator = await startChild(throughline(['generator'], { ...env, RATE: String(rate) }))
  const [already] = await entered(database)
  const hasBegun = async () => (await entered(database))[0]
  await until({ what: 'The generator', reached: hasBegun, goal: already + 1, everyMs: 50, signal })
  await pause(WARM_UP_SECONDS * 1000, undefined, { signal })
  const spending = countSpending({
    ...stages.components(),
    ...backend.components,
    others: [servers.kafka.pid, servers.postgres.pid, generator.pid],
  })
  const from = await timeOf(database)
  await pause(seconds * 1000, undefined, { signal })
  const to = await timeOf(database)
  const stagesBehind = await waitingIn(database)
  // The last stage commits after it has sent, so the tracer may be ahead of it.
  const tracerBehind = Math.max(0, (await committed.atLast()) - (await committed.byTracer()))
  const { shares, components } = spending()
  await generator.stop()
  const waiting = async () => -(await waitingIn(database))
  await until({ what: 'The messages', reached: waiting, goal: 0, everyMs: 100, signal })
  const finished = await committed.atLast()
  await until({ what: 'The tracer', reached: committed.byTracer, goal: finished, everyMs: 100, signal })
  const figures = await percentiles(database, from, to)
  const { messages = 0 } = figures
  const each = (names: readonly string[]) =>
    (names.reduce((sum, name) => sum + (components[name] ?? 0), 0) * 1e6) / messages
  return {
    ...figures,
    ...shares,
    perSecond: messages / seconds,
    stagesBehind: stagesBehind / rate,
    tracerBehind: tracerBehind / rate,
    stagesCpu: each(pipeline.map(({ name }) => name)),
    tracerCpu: each(['tracer']),
    ...(backend.tempo && { TempoCpu: each(['Tempo']) }),
  }
}

/** How many messages have entered and how many have finished. */
async function entered(database: Database): Promise<readonly [entered: number, finished: number]> {
  const { rows } = await database.query<{ entered: number; finished: number }>(
    'select (select sum(entered) from stage_totals)::float8 as entered, (select count(*) from finished)::float8 as finished',
  )
  return [rows[0]?.entered ?? 0, rows[0]?.finished ?? 0]
}

async function waitingIn(database: Database): Promise<number> {
  const [all, done] = await entered(database)
  return all - done
}

async function timeOf(database: Database): Promise<string> {
  const { rows } = await database.query<{ now: string }>('select clock_timestamp()::text as now')
  return rows[0]?.now ?? ''
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
