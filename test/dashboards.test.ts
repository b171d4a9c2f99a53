import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { readRules } from './grafana/alert-rules.ts'
import { dashboards, queriesTo } from './grafana/dashboards.ts'
import { queriesFromDataSources } from './grafana/data-sources.ts'
import { interpolatePromql, interpolateSql, type Values } from './grafana/interpolate.ts'
import { findProgram } from '../local/host-resources.ts'
import { newMessageId } from '../pipeline/message.ts'
import { beginScenario } from '../sql/scenarios.ts'
import { insertAlerts, readNotification } from '../monitor/alerts-route.ts'
import { queryPrometheus } from './support/telemetry/prometheus.ts'
import { startMonitoredPipeline, type MonitoredPipeline } from './support/telemetry/monitored-pipeline.ts'
import { unknownColumns, columnsWithoutUnit } from './grafana/panel-columns.ts'

const wait = { timeout: 120_000, interval: 200 }
const begin = new Date(Date.now() - 60_000)

/** The trace id of the one message that has a foreign traceparent. */
const foreignTrace = newMessageId()

let pipeline: MonitoredPipeline
/** The variables for a message that is a dead letter of the last stage, so that every table has rows. */
let values: Values
beforeAll(async () => {
  // No tracer runs, so it has a backlog.
  pipeline = await startMonitoredPipeline({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:1' })
  await pipeline.post('start', '{"numbers":[-4,2]}')
  for (let count = 0; count < 12; count += 1) {
    const headers = count === 0 ? { traceparent: `00-${foreignTrace}-${'b'.repeat(16)}-01` } : {}
    await pipeline.post('start', '{"numbers":[1.5,2.5]}', headers, count % 4)
  }
  await insertAlerts(readNotification(JSON.stringify({ alerts: [alert] })), pipeline.database)
  await beginScenario(pipeline.database, {
    name: 'slow-stage',
    about: 'it is slow',
    stage: 'lcm',
    fault: null,
    setting: {},
    seconds: 5,
  })
  const message = await vi.waitUntil(deadLetter, wait)
  values = { stage: 'square-root', message, id: message, traceID: message, __tags: 'stage="square-root"' }
  await vi.waitUntil(isReported, wait)
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

async function isReported(): Promise<boolean> {
  // A rate needs two samples.
  const text = `select from ledger_history where (finished, dead, in_flight) = (12, 1, 0)
    and not exists (select from stage_now where is_stage and utilisation is null)
    and exists (select from stage_now where not is_stage and oldest_message is not null)`
  return (await pipeline.database.query(text)).rowCount !== 0
}

const ofRules = readRules().flatMap(({ uid, data }) => data.map((query) => ({ of: `rule ${uid}`, query })))

/** Runs a query as Grafana does, for the last minutes. */
async function queryRows(sql: string) {
  return await pipeline.grafanaClient.query(interpolateSql(sql, { from: begin, to: new Date() }, values))
}

test('every SQL query of panels, variables and rules returns rows for the role of Grafana', async () => {
  const queries = [
    ...dashboards.flatMap((dashboard) => queriesTo('postgres', dashboard)),
    ...queriesFromDataSources('postgres'),
    ...ofRules.flatMap(({ of, query }) => (query.datasourceUid === 'postgres' ? [{ of, text: query.model.rawSql }] : [])),
  ]
  expect(queries.length).toBeGreaterThan(20)
  const empty: string[] = []
  for (const { of, text } of queries) {
    const { rows, fields } = await queryRows(text)
    expect({ of, rows: rows.length }).not.toEqual({ of, rows: 0 })
    for (const { name } of fields) if (rows.every((row) => row[name] === null)) empty.push(`${of}: ${name}`)
  }
  expect(empty).toEqual(mayBeNull)
})

/** The message is a dead letter: it has not finished and waits nowhere. No stage has a backlog. */
const mayBeNull = [
  'message/What became of it?/A: end to end',
  'message/Where was its time spent?/A: waiting so far',
  'stage/Oldest message/A: message',
]

test('every column that a panel colours, hides or links with is returned by its query', async () => {
  for (const { panels } of dashboards) {
    for (const panel of panels) {
      const sql = panel.targets.flatMap(({ rawSql }) => rawSql ?? [])
      if (sql.length === 0) continue
      const all: string[] = []
      for (const text of sql) {
        const { fields } = await queryRows(text)
        const columns = fields.map(({ name }) => name)
        expect({ panel: panel.title, without: columnsWithoutUnit(panel, fields) }).toEqual({
          panel: panel.title,
          without: [],
        })
        expect(new Set(columns).size).toBe(columns.length)
        all.push(...columns)
      }
      expect({ panel: panel.title, unknown: unknownColumns(panel, all) }).toEqual({ panel: panel.title, unknown: [] })
    }
  }
})

test('the times by stage add up to the mean time of the same messages, to the nanosecond', async () => {
  const { rows } = await queryRows(`
    select sum(wait + work + save + publish) as parts, max(end_to_end) as whole, max(messages)::int as messages
    from time_by_stage($__timeFrom()::timestamptz, $__timeTo()::timestamptz)`)
  const [{ parts, whole, messages }] = rows as [Record<string, number>]
  expect(messages).toBe(12)
  expect(Math.abs((parts ?? 0) - (whole ?? 1))).toBeLessThan(1e-9)
})

test('the time range in a link to a message contains all its steps', async () => {
  const { rows } = await queryRows(`
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

test('an id may have dashes and capitals, an empty one means the latest, and an invalid one means none', async () => {
  const { message = '' } = values
  const dashed = message.toUpperCase().replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  const find = async (id: string) => {
    const { rows } = await pipeline.grafanaClient.query('select hex(message_asked_for($1)) as id', [id])
    return (rows[0] as { id: string | null }).id
  }
  expect(await find(message)).toBe(message)
  expect(await find(` ${dashed} `)).toBe(message)
  expect(await find('')).toMatch(/^[\da-f]{32}$/)
  expect(await find("'; drop table results")).toBeNull()
})

test('a message with a foreign traceparent is found by its trace id', async () => {
  const { rows } = await pipeline.grafanaClient.query(
    `select distinct hex(message_id) = $1 as "isTrace", message_id = message_asked_for($1) as found
     from steps where trace_id = $1`,
    [foreignTrace],
  )
  expect(rows).toEqual([{ isTrace: false, found: true }])
})

describe.skipIf(findProgram('prometheus') === undefined)(
  'on a real Prometheus (skipped without one: PROMETHEUS_BIN or `prometheus` on the PATH)',
  () => {
    test('every PromQL query of panels and rules returns series', async () => {
      const queries = [
        ...dashboards.flatMap((dashboard) => queriesTo('prometheus', dashboard)),
        ...queriesFromDataSources('prometheus'),
        ...ofRules.flatMap(({ of, query }) =>
          query.datasourceUid === 'prometheus' ? [{ of, text: query.model.expr }] : [],
        ),
      ]
      expect(queries.length).toBeGreaterThan(40)
      for (const { of, text } of queries.filter((query) => !mayBeEmpty.has(query.of))) {
        const numbers = async () => ({ of, numbers: (await querySeries(text)).filter(hasNumber).length })
        await expect.poll(numbers, wait).not.toEqual({ of, numbers: 0 })
      }
    })
  },
)

/** Queries about the tracer and Tempo, which do not run. */
const mayBeEmpty = new Set(['A', 'B', 'C'].map((query) => `pipeline/What became of the traces?/${query}`))

interface Series {
  readonly values: readonly (readonly [second: number, value: string])[]
}

const hasNumber = ({ values: points }: Series) => points.some(([, value]) => Number.isFinite(Number(value)))

async function querySeries(expr: string): Promise<readonly Series[]> {
  const range = { start: String(begin.getTime() / 1000), end: String(Date.now() / 1000), step: '5' }
  const query = interpolatePromql(expr, values)
  const { result } = (await queryPrometheus(pipeline.prometheus ?? 0, 'query_range', {
    query,
    ...range,
  })) as {
    result: readonly Series[]
  }
  return result
}
