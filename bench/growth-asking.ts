import { setTimeout as pause } from 'node:timers/promises'
import { startChild } from '../local/child-process.ts'
import { readAlertQueries, readDashboards, type GrafanaQuery, type Variable } from './dashboard-queries.ts'
import { expandSql, type PanelMoment } from './grafana-sql.ts'
import type { GrownFlow } from './growth-loading.ts'
import { reportingQuestions } from './growth-questions.ts'
import { problemOf, type Bench } from './part.ts'
import { throughline } from './throughline.ts'
import type { Trial } from './trial.ts'
import type { Database } from '../sql/database.ts'

export interface Timed {
  readonly name: string
  readonly milliseconds: readonly number[]
}

export interface Answers {
  readonly timed: readonly Timed[]
  readonly problems: readonly string[]
}

/** Questions that are asked with the same values. */
interface Asking {
  readonly queries: readonly GrafanaQuery[]
  readonly variables: PanelMoment['variables']
}

const TIMES = 5
const MINUTE_MS = 60_000
const spans = { '15 min': 15 * MINUTE_MS, '24 h': 24 * 60 * MINUTE_MS } as const
/** What an answer depends on when the range of time matters. */
const RANGE = /\$__(time|unixEpoch|from\b|to\b|range)/

/** Asks every question that the project has, five times each. What fails is a problem of its own. */
export async function askEverything(trial: Trial, flow: GrownFlow, bench: Bench): Promise<Answers> {
  const { database } = trial
  const timed: Timed[] = []
  const problems: string[] = await viewsWithoutQuestion(database)
  const ask = async (name: string, once: () => Promise<unknown>) => {
    if (!bench.wants(name)) return
    bench.signal.throwIfAborted()
    bench.progress.now(`    ${name}`)
    await flow.keepUp()
    try {
      timed.push({ name, milliseconds: await timesOf(once) })
    } catch (error) {
      problems.push(`${name}: ${problemOf(error)}`)
    }
  }
  await flow.keepUp()
  const id = await someMessage(database)
  for (const { queries, variables } of await askings(database, id)) {
    for (const { name, sql } of queries) {
      const ranges = RANGE.test(sql) ? Object.entries(spans) : [['', spans['15 min']] as const]
      for (const [span, lengthMs] of ranges) {
        const expanded = () => expandSql(sql, { ...momentOf(lengthMs), variables })
        await ask(span === '' ? name : `${name}, ${span}`, () => database.query(expanded()))
      }
    }
  }
  await ask('throughline status', () => run(['status'], trial.env))
  await ask('throughline follow ID', () => run(['follow', id, '--timeout', '0'], trial.env))
  return { timed, problems }
}

async function askings(database: Database, id: string): Promise<Asking[]> {
  const all: Asking[] = [{ queries: reportingQuestions, variables: { id } }]
  for (const { panels, variables } of await readDashboards()) {
    const found = variables.flatMap(({ name, sql }) => (sql ? [{ name: `variable: ${name}`, sql }] : []))
    all.push({ queries: [...panels, ...found], variables: await valuesOf(database, variables) })
  }
  all.push({ queries: await readAlertQueries(), variables: {} })
  return all
}

/** A variable that is asked for gets the first answer, as it would when the dashboard is opened. */
async function valuesOf(database: Database, variables: readonly Variable[]): Promise<Record<string, string>> {
  const values: Record<string, string> = {}
  for (const { name, sql, value } of variables) {
    values[name] = value
    if (sql === undefined) continue
    const text = expandSql(sql, { ...momentOf(spans['15 min']), variables: values })
    const { rows } = await database.query<Record<string, string>>(text)
    values[name] = Object.values(rows[0] ?? {})[0] ?? ''
  }
  return values
}

function momentOf(lengthMs: number): Omit<PanelMoment, 'variables'> {
  const to = new Date()
  return { from: new Date(to.getTime() - lengthMs), to, intervalMs: Math.max(1000, lengthMs / 500) }
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
async function someMessage(database: Database): Promise<string> {
  const { rows } = await database.query<{ id: string }>(
    `select encode(uuid_send(message_id), 'hex') as id from finished
     order by finished_at desc offset 100 limit 1`,
  )
  if (rows[0] === undefined) throw new Error('No message has finished')
  return rows[0].id
}

async function viewsWithoutQuestion(database: Database): Promise<string[]> {
  const { rows } = await database.query<{ viewname: string }>(
    "select viewname from pg_views where schemaname = 'public' order by viewname",
  )
  return rows
    .filter(
      ({ viewname }) => !reportingQuestions.some(({ sql }) => new RegExp(`\\b${viewname}\\b`).test(sql)),
    )
    .map(({ viewname }) => `${viewname}: no question is asked of it; add one to bench/growth-questions.ts`)
}

/** A command as a person would type it, with its start. Exit code 1 is an answer too: that something is unwell. */
async function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  await using child = await startChild(throughline(args, env))
  const { code } = await child.exited
  if (code === null || code > 1) throw new Error(`exit code ${code}:\n${child.lastLines()}`)
}
