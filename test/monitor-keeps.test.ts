import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { freePort } from '../local/free-port.ts'
import { startProcess } from '../local/pipeline-process.ts'
import { childEnvironment } from '../pipeline/config.ts'
import { freshPipeline, type FreshPipeline } from './fresh-pipeline.ts'
import { runFastMonitor } from './running-monitor.ts'

let pipeline: FreshPipeline
beforeEach(async () => {
  pipeline = await freshPipeline()
})
afterEach(() => pipeline[Symbol.asyncDispose]())

const wait = { timeout: 240_000, interval: 100 }

test("alerts that Grafana's webhook delivers are kept, each once; what is no notification is refused", async () => {
  const port = await freePort()
  const env = childEnvironment({ ...pipeline.env, METRICS_PORT: String(port) })
  await using _monitor = await startProcess({ name: 'monitor', args: ['monitor'], env })
  const ask = (path: string, init: RequestInit = {}) => fetch(`http://127.0.0.1:${port}${path}`, init)
  const post = async (body: string) => (await ask('/alerts', { method: 'POST', body })).status
  const isReady = () =>
    ask('/readyz').then(
      ({ ok }) => ok,
      () => false,
    )
  await vi.waitUntil(isReady, wait)
  const alert = {
    labels: { alertname: 'A stage is stopped', stage: 'lcm' },
    annotations: { summary: 'lcm is stopped' },
  }
  const times = { startsAt: '2026-01-01T00:00:00Z', endsAt: '0001-01-01T00:00:00Z', fingerprint: 'a' }
  const firing = { alerts: [{ ...alert, ...times, status: 'firing', values: { A: 4 } }] }
  const resolved = { alerts: [{ ...alert, ...times, status: 'resolved', endsAt: '2026-01-01T00:05:00Z' }] }
  expect(await post(JSON.stringify(firing))).toBe(200)
  expect(await post(JSON.stringify(firing))).toBe(200)
  expect(await post(JSON.stringify(resolved))).toBe(200)
  expect(await post('{"alerts":[{}]}')).toBe(400)
  expect(await post('x'.repeat(2_000_000))).toBe(413)
  expect((await ask('/alerts')).status).toBe(405)
  const { rows } = await pipeline.database.query(
    `select status, alert, stage, summary, "values", to_json(ends_at at time zone 'utc') as ends
     from alert_notifications order by id`,
  )
  const kept = { alert: 'A stage is stopped', stage: 'lcm', summary: 'lcm is stopped' }
  expect(rows).toEqual([
    { ...kept, status: 'firing', values: { A: 4 }, ends: null },
    { ...kept, status: 'resolved', values: null, ends: '2026-01-01T00:05:00' },
  ])
  const page = await (await ask('/metrics')).text()
  expect(page).toMatch(/throughline_alert_notifications_total\{[^}]*status="firing"[^}]*\} 2/)
})

test('what is older than the retention goes, what is younger stays', async () => {
  await pipeline.database.query(`
    insert into inputs (message_id, numbers, stage, partition, dt, published_at)
    select id, '[1]', 'add', 0, at, at from (values
      ('00000000-0000-7000-8000-000000000001'::uuid, now() - interval '15 days'),
      ('00000000-0000-7000-8000-000000000002'::uuid, now() - interval '15 days'),
      ('00000000-0000-7000-8000-000000000003'::uuid, now() - interval '13 days')) as t (id, at)`)
  await pipeline.database.query(`
    insert into results (message_id, attempt, stage, result, body, topic, partition, "offset", entered_at, queued_at,
      started_at, computed_at)
    select message_id, 1, 'add', '1', '{}', 'start', 0, 0, dt, dt, dt, dt from inputs`)
  await pipeline.database.query(`
    insert into finishes (message_id, attempt, entered_at, sent_at, finished_at, partition, "offset")
    select message_id, 1, dt, dt, dt, 0, 0 from inputs`)
  // The second was replayed a day ago: its input stays, the rows of its first attempt go.
  await pipeline.database.query(`
    insert into results (message_id, attempt, stage, result, body, topic, partition, "offset", entered_at, queued_at,
      started_at, computed_at)
    select message_id, 2, 'add', '1', '{}', 'start', 0, 1, now(), now(), now(), now()
    from inputs where message_id::text like '%2'`)
  await pipeline.database.query(`
    insert into alert_notifications (received_at, status, alert, starts_at, fingerprint)
    values (now() - interval '15 days', 'firing', 'old', now(), 'a'), (now(), 'firing', 'new', now(), 'b')`)
  await using monitor = runFastMonitor(pipeline)
  const removed = (table: string) => monitor.gauge('throughline_rows_removed_total', { table })
  await vi.waitUntil(async () => (await removed('alert_notifications')) === 1, wait)
  expect(await removed('finishes')).toBe(2)
  const { rows } = await pipeline.database.query(
    `select (select string_agg(right(message_id::text, 1) || attempt, ' ' order by message_id, attempt) from results) as results,
       (select string_agg(right(message_id::text, 1), ' ' order by message_id) from inputs) as inputs,
       (select string_agg(right(message_id::text, 1), ' ' order by message_id) from finishes) as finishes,
       (select string_agg(alert, ' ') from alert_notifications) as alerts`,
  )
  expect(rows).toEqual([{ results: '22 31', inputs: '2 3', finishes: '3', alerts: 'new' }])
})
