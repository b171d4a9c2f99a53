import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { checkPostgres } from '../cli/doctor/checks-postgres.ts'
import { freePort } from '../local/host-resources.ts'
import { startThroughline } from '../local/throughline-process.ts'
import { childEnvironment } from '../pipeline/config.ts'
import {
  daysFromNow,
  firstIdAt,
  createPastPartitions,
  partitionSuffix,
  insertMessage,
  insertReplay,
} from './support/insert-messages.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { runFastMonitor } from './support/running-monitor.ts'

let pipeline: FreshPipeline
beforeEach(async () => {
  pipeline = await freshPipeline()
})
afterEach(() => pipeline[Symbol.asyncDispose]())

const wait = { timeout: 240_000, interval: 100 }

test("alerts that Grafana's webhook delivers are stored, each once; what is not a notification is refused", async () => {
  const port = await freePort()
  const env = childEnvironment({ ...pipeline.env, METRICS_PORT: String(port) })
  await using _monitor = await startThroughline({ name: 'monitor', args: ['monitor'], env })
  const ask = (path: string, init: RequestInit = {}) => fetch(`http://127.0.0.1:${port}${path}`, init)
  const post = async (body: string) => (await ask('/alerts', { method: 'POST', body })).status
  const isReady = () =>
    ask('/readyz').then(
      ({ ok }) => ok,
      () => false,
    )
  await vi.waitUntil(isReady, wait)
  const counters = async () => (await (await ask('/metrics')).text()).match(/^throughline_alert_notifications.*/gm)
  expect(await counters()).toEqual(['firing', 'resolved'].map((status) => expect.stringMatching(`status="${status}".* 0$`)))
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

test('the active monitor makes partitions ahead, removes what is older than the retention, and says both', async () => {
  const { database } = pipeline
  const [old, young] = [daysFromNow(-20), daysFromNow(-13)]
  // A day that has a partition, as all have after weeks, and others that have none.
  await createPastPartitions(database, old)
  for (const at of [old, daysFromNow(-30), young]) await insertMessage(database, at)
  // Its input stays, for it was replayed a day ago.
  const replayed = await insertMessage(database, daysFromNow(-31))
  await insertReplay(database, replayed, daysFromNow(-1))
  await database.query(`drop table results_${partitionSuffix(daysFromNow(2))}`)
  await database.query(`
    insert into alert_notifications (received_at, status, alert, starts_at, fingerprint)
    values (now() - interval '15 days', 'firing', 'old', now(), 'a'), (now(), 'firing', 'new', now(), 'b')`)
  await database.query('analyze')
  await using monitor = runFastMonitor(pipeline)
  const removed = (table: string) => monitor.gauge('throughline_rows_removed_total', { table })
  await vi.waitUntil(async () => (await removed('alert_notifications')) === 1, wait)
  await expect.poll(() => monitor.gauge('throughline_partitions_ahead_days'), wait).toBe(3)
  expect(await Promise.all(['results', 'finished', 'inputs'].map(removed))).toEqual([3, 3, 2])
  const { rows } = await database.query(
    `select (select array_agg(message_id order by message_id) from inputs) as inputs,
       (select array_agg(message_id order by message_id) from finished) as finished,
       (select array_agg(attempt order by message_id) from results) as attempts,
       (select string_agg(alert, ' ') from alert_notifications) as alerts`,
  )
  const kept = await firstIdAt(database, young)
  expect(rows).toEqual([{ inputs: [replayed, kept], finished: [kept], attempts: [2, 1], alerts: 'new' }])
})

test('a monitor that stands by has no gauge of the partitions', async () => {
  await using monitor = runFastMonitor(pipeline)
  await expect.poll(() => monitor.gauge('throughline_partitions_ahead_days'), wait).toBe(3)
  await using other = runFastMonitor(pipeline)
  await expect.poll(() => other.gauge('throughline_monitor_active'), wait).toBe(0)
  expect(await other.gauge('throughline_partitions_ahead_days')).toBeUndefined()
})

test('doctor waits for the first sample of a monitor that has just started', async () => {
  await using _monitor = runFastMonitor(pipeline)
  const { findings } = await checkPostgres(pipeline.config, { clock: Date.now, timeoutMs: 30_000 })
  expect(findings.find(({ check }) => check === 'monitor')?.status).toBe('pass')
})
