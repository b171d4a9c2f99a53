import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { readRules } from './grafana/alert-rules.ts'
import { dashboards, questionsTo } from './grafana/dashboards.ts'
import { questionsFromOthers } from './grafana/data-sources.ts'
import { fillInPromql, fillInSql, type Values } from './grafana/fill-in.ts'
import { findProgram } from '../local/find-program.ts'
import { newMessageId } from '../pipeline/message.ts'
import { keepAlerts } from '../monitor/keep-alerts.ts'
import { readNotification } from '../monitor/notification.ts'
import { askPrometheus } from './support/ask-prometheus.ts'
import { askedPipeline, type AskedPipeline } from './support/asked-pipeline.ts'
import { spokenOf, withoutUnit } from './support/panel-columns.ts'

const wait = { timeout: 120_000, interval: 200 }
const begin = new Date(Date.now() - 60_000)

/** One message comes with a trace of its own. */
const foreignTrace = newMessageId()

let pipeline: AskedPipeline
/** A message that went through all stages but the last, where it has no answer: every table has something to say of it. */
let values: Values
beforeAll(async () => {
  // No tracer runs: what came to its end waits in front of it.
  pipeline = await askedPipeline({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:1' })
  await pipeline.post('start', '{"numbers":[-4,2]}')
  for (let count = 0; count < 12; count += 1) {
    const headers = count === 0 ? { traceparent: `00-${foreignTrace}-${'b'.repeat(16)}-01` } : {}
    await pipeline.post('start', '{"numbers":[1.5,2.5]}', headers, count % 4)
  }
  await keepAlerts(readNotification(JSON.stringify({ alerts: [alert] })), pipeline.database)
  const message = await vi.waitUntil(deadLetter, wait)
  values = { stage: 'square-root', message, id: message, traceID: message, __tags: 'stage="square-root"' }
  await vi.waitUntil(isAllAccountedFor, wait)
})
afterAll(() => pipeline[Symbol.asyncDispose]())

const alert = {
  status: 'firing',
  labels: { alertname: 'A stage is stopped', stage: 'lcm' },
  annotations: { summary: 'lcm is stopped', dashboard: 'http://grafana/d/stage?var-stage=lcm' },
  startsAt: begin.toISOString(),
  fingerprint: 'a',
}

async function deadLetter(): Promise<string | undefined> {
  const { rows } = await pipeline.database.query<{ message: string }>('select message from dead_messages')
  return rows[0]?.message
}

async function isAllAccountedFor(): Promise<boolean> {
  // A rate is known once there are two samples.
  const text = `select from ledger_history where (finished, dead, in_flight) = (12, 1, 0)
    and not exists (select from stage_now where is_stage and utilisation is null)
    and exists (select from stage_now where not is_stage and oldest_message is not null)`
  return (await pipeline.database.query(text)).rowCount !== 0
}

const ofRules = readRules().flatMap(({ uid, data }) => data.map((query) => ({ of: `rule ${uid}`, query })))

/** As Grafana asks it, of the last minutes. */
async function askRows(sql: string) {
  return await pipeline.asGrafana.query(fillInSql(sql, { from: begin, to: new Date() }, values))
}

test('all that panels, variables and rules ask the rows is answered, as the role of Grafana, with rows', async () => {
  const questions = [
    ...dashboards.flatMap((dashboard) => questionsTo('postgres', dashboard)),
    ...questionsFromOthers('postgres'),
    ...ofRules.flatMap(({ of, query }) =>
      query.datasourceUid === 'postgres' ? [{ of, text: query.model.rawSql }] : [],
    ),
  ]
  expect(questions.length).toBeGreaterThan(20)
  const empty: string[] = []
  for (const { of, text } of questions) {
    const { rows, fields } = await askRows(text)
    expect({ of, rows: rows.length }).not.toEqual({ of, rows: 0 })
    for (const { name } of fields) if (rows.every((row) => row[name] === null)) empty.push(`${of}: ${name}`)
  }
  expect(empty).toEqual(mayBeNull)
})

/** The message that is asked for has no answer: it has not finished, and is not on its way. In front of no stage one waits. */
const mayBeNull = [
  'message/What became of it?/A: end to end',
  'message/Where was its time spent?/A: not taken yet',
  'stage/Which is the oldest?/A: message',
]

test('every column that a panel colours, hides or links with is a column of its answer', async () => {
  for (const { panels } of dashboards) {
    for (const panel of panels) {
      const sql = panel.targets.flatMap(({ rawSql }) => rawSql ?? [])
      for (const text of sql) {
        const { fields } = await askRows(text)
        const columns = fields.map(({ name }) => name)
        expect({ panel: panel.title, without: withoutUnit(panel, fields) }).toEqual({
          panel: panel.title,
          without: [],
        })
        expect(new Set(columns).size).toBe(columns.length)
        expect({ panel: panel.title, unknown: spokenOf(panel, columns) }).toEqual({
          panel: panel.title,
          unknown: [],
        })
      }
    }
  }
})

test("where the time goes adds up to the mean of the same messages' time, to the nanosecond", async () => {
  const { rows } = await askRows(`
    select sum(wait + work + save + publish) as parts, max(end_to_end) as whole, max(messages)::int as messages
    from time_by_stage($__timeFrom()::timestamptz, $__timeTo()::timestamptz)`)
  const [{ parts, whole, messages }] = rows as [Record<string, number>]
  expect(messages).toBe(12)
  expect(Math.abs((parts ?? 0) - (whole ?? 1))).toBeLessThan(1e-9)
})

test('the range of time in a link to a message holds all that happened to it', async () => {
  const { rows } = await askRows(`
    select link_from::float8 as "from", link_to::float8 as "to", extract(epoch from entered_at)::float8 * 1000 as entered,
      extract(epoch from finished_at)::float8 * 1000 as finished
    from slowest_messages($__timeFrom()::timestamptz, $__timeTo()::timestamptz)`)
  expect(rows).toHaveLength(12)
  for (const { from, entered, finished, to } of rows as Record<string, number>[]) {
    expect([from, entered, finished, to].toSorted((one, other) => (one ?? 0) - (other ?? 0))).toEqual([
      from,
      entered,
      finished,
      to,
    ])
  }
})

test('an id is found with dashes and capitals, nothing means the latest, and nonsense means none', async () => {
  const { message = '' } = values
  const dashed = message.toUpperCase().replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  const asked = async (id: string) => {
    const { rows } = await pipeline.asGrafana.query('select hex(message_asked_for($1)) as id', [id])
    return (rows[0] as { id: string | null }).id
  }
  expect(await asked(message)).toBe(message)
  expect(await asked(` ${dashed} `)).toBe(message)
  expect(await asked('')).toMatch(/^[\da-f]{32}$/)
  expect(await asked("'; drop table results")).toBeNull()
})

test('a message that came with a trace of its own is found by it', async () => {
  const { rows } = await pipeline.asGrafana.query(
    `select distinct hex(message_id) = $1 as "isTrace", message_id = message_asked_for($1) as found
     from steps where trace_id = $1`,
    [foreignTrace],
  )
  expect(rows).toEqual([{ isTrace: false, found: true }])
})

describe.skipIf(findProgram('prometheus') === undefined)(
  'on a real Prometheus (skipped without one: PROMETHEUS_BIN or `prometheus` on the PATH)',
  () => {
    test('all that panels and rules ask Prometheus is answered with series', async () => {
      const questions = [
        ...dashboards.flatMap((dashboard) => questionsTo('prometheus', dashboard)),
        ...questionsFromOthers('prometheus'),
        ...ofRules.flatMap(({ of, query }) =>
          query.datasourceUid === 'prometheus' ? [{ of, text: query.model.expr }] : [],
        ),
      ]
      expect(questions.length).toBeGreaterThan(40)
      for (const { of, text } of questions.filter((question) => !mayBeEmpty.has(question.of))) {
        const numbers = async () => ({ of, numbers: (await askSeries(text)).filter(hasNumber).length })
        await expect.poll(numbers, wait).not.toEqual({ of, numbers: 0 })
      }
    })
  },
)

/** Of the tracer and Tempo, which are not there. */
const mayBeEmpty = new Set(['A', 'B', 'C'].map((query) => `pipeline/What became of the traces?/${query}`))

interface Series {
  readonly values: readonly (readonly [second: number, value: string])[]
}

const hasNumber = ({ values: points }: Series) => points.some(([, value]) => Number.isFinite(Number(value)))

async function askSeries(expr: string): Promise<readonly Series[]> {
  const range = { start: String(begin.getTime() / 1000), end: String(Date.now() / 1000), step: '5' }
  const query = fillInPromql(expr, values)
  const { result } = (await askPrometheus(pipeline.prometheus ?? 0, 'query_range', { query, ...range })) as {
    result: readonly Series[]
  }
  return result
}
