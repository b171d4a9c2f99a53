import { setTimeout as pause } from 'node:timers/promises'
import { startThroughline } from '../local/throughline-process.ts'
import type { Database } from '../sql/database.ts'
import { readRules } from '../test/grafana/alert-rules.ts'
import { dashboards, queriesTo } from '../test/grafana/dashboards.ts'
import { interpolateSql } from '../test/grafana/interpolate.ts'
import { startDedicatedServers } from '../test/support/processes/dedicated-servers.ts'
import { startRun, type BenchmarkRun } from './benchmark-run.ts'
import { continueRows, insertRows } from './growth-rows.ts'
import { medianOf, problemOf, type BenchContext, type Case, type Suite } from './suite.ts'

const TIMES = 5
const SLOWEST_OF_GRAFANA = 'the slowest query of Grafana'
const RANGES = { '15 min': 15 * 60_000, '24 h': 24 * 3_600_000 }

/** Queries of the reporting views that no dashboard reads, restricted as their comments in sql/migrations say. */
const reportQueries: Readonly<Record<string, string>> = {
  'steps of a message': "select * from steps where message_id = '${id}'",
  'steps of a minute': "select count(*), max(sent_at) from steps where queued_at > now() - interval '1 min'",
  'step_times of a message': "select * from step_times where message_id = '${id}'",
  'step_times of a minute, by stage': `select stage, avg(wait), avg(work), avg(save), avg(publish) from step_times
      where queued_at > now() - interval '1 min' group by stage`,
  'end_to_end, percentiles': `select percentile_cont(array[0.5, 0.95, 0.99]) within group (order by seconds) from end_to_end
      where $__timeFilter(finished_at)`,
  numbers_and_results: "select * from numbers_and_results where message_id = '${id}'",
  stage_totals: 'select * from stage_totals order by position',
  message_totals: 'select * from message_totals',
  stage_history: 'select * from stage_history where $__timeFilter(at) order by at',
  'finished_messages, latest':
    'select * from finished_messages where $__timeFilter(finished_at) order by finished_at desc limit 100',
  sampled_messages: 'select * from sampled_messages($__timeFrom(), $__timeTo())',
  'dead_letters, latest': 'select * from dead_letters order by computed_at desc limit 20',
  open_dead_letters: 'select * from open_dead_letters',
  'messages, latest': `select * from messages where message_id between first_id($__timeFrom()) and first_id($__timeTo())
      order by message_id desc limit 100`,
  foreign_traces: "select * from foreign_traces where trace_id = '${id}'",
  day_partitions: 'select * from day_partitions',
  tracer_position: 'select * from tracer_position',
  "the monitor's ledger": 'select count(*) from outbox',
}

/** The SQL of every query by its name, before macros and variables are interpolated. */
export function allQueries(): ReadonlyMap<string, string> {
  const queries = new Map(Object.entries(reportQueries))
  for (const { of, text } of dashboards.flatMap((dashboard) => queriesTo('postgres', dashboard))) queries.set(of, text)
  for (const { title, data } of readRules()) {
    const sql = data.find((query) => query.datasourceUid === 'postgres')?.model.rawSql
    if (sql !== undefined) queries.set(`alert/${title}`, sql)
  }
  return queries
}

const titleOf = (rows: number) => `${rows.toLocaleString('en-US')} rows, ms`

export const growth: Suite = {
  name: 'growth',
  about: 'Every reporting view, every query of dashboards and alert rules, and the commands, on more and more rows.',
  goals: [
    { of: SLOWEST_OF_GRAFANA, figure: titleOf(1e7), below: 300 },
    { of: 'throughline status', figure: titleOf(1e7), below: 1000 },
  ],
  async measure(context) {
    const { sizes, signal } = context
    await using servers = await startDedicatedServers()
    const figures = new Map<string, Record<string, number>[]>()
    const problems: string[] = []
    for (const rows of sizes.rows) {
      await using run = await startRun(servers)
      const next = await insertRows(run.database, rows, signal)
      for await (const { name, times = [], problem } of timeAll(run, next, context)) {
        if (problem !== undefined) {
          problems.push(`${name}, ${rows} rows: ${problem}`)
          continue
        }
        const rounds = figures.get(name) ?? times.map(() => ({}))
        figures.set(name, rounds)
        for (const [index, ms] of times.entries()) Object.assign(rounds[index] ?? {}, { [titleOf(rows)]: ms })
      }
    }
    const cases = [...figures].map(([name, rounds]): Case => ({ name, rounds }))
    return { cases: slowestFirst(cases, titleOf(Math.max(...sizes.rows))), note, problems }
  },
}

const note =
  'Rows of `results` in 20 daily partitions, as a flow of 100 messages a second leaves them: 1 in 100 a dead letter, 1 in 10 in ' +
  'a backlog. The flow goes on between the queries. Each query is run five times, with ranges of 15 minutes and 24 hours where ' +
  'it has one; a command includes its start.'

/** Times every query and command. Before each of them rows are inserted up to now, as a running pipeline would. */
async function* timeAll({ database, env }: BenchmarkRun, next: Date, { wants, signal }: BenchContext) {
  next = await continueRows(database, next)
  for (const [name, once] of measurements(database, env, await readMessageId(database))) {
    if (!wants(name)) continue
    signal.throwIfAborted()
    next = await continueRows(database, next)
    try {
      yield { name, times: await timesOf(once) }
    } catch (error) {
      yield { name, problem: problemOf(error) }
    }
  }
}

type Measurement = readonly [name: string, once: () => Promise<unknown>]

function measurements(database: Database, env: NodeJS.ProcessEnv, id: string): readonly Measurement[] {
  const values = { id, message: id, trace: id, stage: 'lcm' }
  const query = (sql: string, lengthMs: number) => {
    const to = new Date()
    return database.query(interpolateSql(sql, { from: new Date(to.getTime() - lengthMs), to }, values))
  }
  const queries = [...allQueries()].flatMap(([name, sql]): Measurement[] => {
    if (!sql.includes('$__time')) return [[name, () => query(sql, 0)]]
    return Object.entries(RANGES).map(([range, lengthMs]) => [`${name}, ${range}`, () => query(sql, lengthMs)])
  })
  return [
    ...queries,
    ['throughline status', () => runCommand(['status'], env)],
    ['throughline follow ID', () => runCommand(['follow', id, '--timeout', '0'], env)],
  ]
}

async function timesOf(once: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  while (times.length < TIMES) {
    const begun = performance.now()
    await once()
    times.push(performance.now() - begun)
    await pause(10)
  }
  return times
}

/** One of the latest that finished, but not the very last. */
async function readMessageId(database: Database): Promise<string> {
  const { rows } = await database.query<{ id: string }>(
    `select encode(uuid_send(message_id), 'hex') as id from finished order by finished_at desc offset 100 limit 1`,
  )
  if (rows[0] === undefined) throw new Error('No message has finished')
  return rows[0].id
}

/** A command with its start. Exit code 1 is an answer too: a stage is not well. */
async function runCommand(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  await using child = await startThroughline({ name: args.join(' '), args, env })
  const { code } = await child.exited
  if (code === null || code > 1) throw new Error(`exit code ${code}:\n${child.outputTail()}`)
}

/** The cases by their medians of a figure, after the slowest query of Grafana again under that name, for its goal. */
export function slowestFirst(cases: readonly Case[], figure: string): Case[] {
  const slowness = ({ name }: Case) => medianOf(cases, name, figure)
  const sorted = cases.toSorted((one, other) => slowness(other) - slowness(one))
  // Only names of Grafana's queries have a slash: "pipeline/Latest messages/A".
  const slowest = sorted.find(({ name }) => name.includes('/'))
  return slowest === undefined ? sorted : [{ ...slowest, name: SLOWEST_OF_GRAFANA }, ...sorted]
}
