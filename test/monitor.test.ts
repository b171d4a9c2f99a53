import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { freePort } from '../local/free-port.ts'
import { startProcess } from '../local/pipeline-process.ts'
import { childEnvironment } from '../pipeline/config.ts'
import { newMessageId } from '../pipeline/message.ts'
import { pipeline as catalogue } from '../stages/index.ts'
import { freshPipeline, type FreshPipeline } from './fresh-pipeline.ts'
import { groupMembers } from './group-members.ts'
import { runFastMonitor } from './running-monitor.ts'
import { runStages } from './running-stages.ts'

let pipeline: FreshPipeline
beforeEach(async () => {
  pipeline = await freshPipeline()
})
afterEach(() => pipeline[Symbol.asyncDispose]())

const wait = { timeout: 240_000, interval: 100 }

/** The words that were said of a stage, one after the other, each once. */
async function words(stage: string): Promise<string[]> {
  const { rows } = await pipeline.database.query<{ verdict: string }>(
    'select verdict from stage_samples where stage = $1 order by at',
    [stage],
  )
  return rows.map(({ verdict }) => verdict).filter((verdict, index, all) => verdict !== all[index - 1])
}

interface Row {
  readonly at: Date
  readonly waiting: number
  readonly oldest: number
  readonly verdict: string
  readonly sentence: string
}

async function latest(stage: string): Promise<Row | undefined> {
  const { rows } = await pipeline.database.query<Row>(
    `select at, waiting::int, oldest_seconds as oldest, verdict, sentence
     from stage_samples where stage = $1 order by at desc limit 1`,
    [stage],
  )
  return rows[0]
}

async function ledger() {
  const { rows } = await pipeline.database.query<Record<string, number>>(
    `select entered::int, in_flight::int, finished::int, dead::int, copies::int, missing::int
     from ledger_samples order by at desc limit 1`,
  )
  return rows[0]
}

/** Returns when the first of them is on the topic. */
async function postMany(count: number): Promise<number> {
  const producer = pipeline.kafka.producer()
  await producer.connect()
  const topic = `${pipeline.config.TOPIC_PREFIX}start`
  let first: number | undefined
  for (let left = count; left > 0; left -= 1000) {
    const messages = Array.from({ length: Math.min(left, 1000) }, (_, index) => ({
      value: '{"numbers":[1,2]}',
      partition: index % 4,
    }))
    const [answer] = await producer.send({ topic, messages })
    first ??= Number(answer?.logAppendTime)
  }
  await producer.disconnect()
  return first ?? Number.NaN
}

test('a dead stage with 50,000 waiting is stopped, with the right age; then it catches up, and is OK', async () => {
  await using monitor = runFastMonitor(pipeline)
  const group = `${pipeline.config.TOPIC_PREFIX}add`
  const start = () =>
    startProcess({
      name: 'add',
      args: ['run', 'add'],
      env: childEnvironment({ ...pipeline.env, METRICS_PORT: '0' }),
    })
  await using killed = await start()
  await vi.waitUntil(async () => (await groupMembers(pipeline.kafka, group)).length === 1, wait)
  killed.kill('SIGKILL')
  await killed.exited
  const first = await postMany(50_000)
  await vi.waitUntil(async () => (await latest('add'))?.verdict === 'STOPPED', wait)
  const stopped = await latest('add')
  expect(stopped?.waiting).toBe(50_000)
  expect(stopped?.sentence).toMatch(/^add is stopped: 50,000 waiting, .* start it: throughline run add$/)
  // Once it is known to be dead: 10 s after its last heartbeat, and before that half a minute has passed.
  const age = ((stopped?.at.getTime() ?? 0) - first) / 1000
  expect(Math.abs((stopped?.oldest ?? 0) - age)).toBeLessThan(1)
  expect(age).toBeLessThan(30)
  expect(await monitor.gauge('throughline_verdict', { stage: 'add' })).toBe(4)
  await using _again = await start()
  await vi.waitUntil(async () => (await latest('add'))?.sentence === 'add is idle: nothing waits', wait)
  expect(await words('add')).toEqual(['OK', 'STOPPED', 'CATCHING UP', 'OK'])
  expect(await latest('add')).toMatchObject({ waiting: 0, oldest: 0 })
  // Nobody runs the next stage.
  expect((await latest('multiply'))?.verdict).toBe('STOPPED')
})

test('deleted behind the back of the system is missing; posted twice is a copy; the rest adds up', async () => {
  await using _monitor = runFastMonitor(pipeline)
  const [add, ...others] = catalogue
  if (add === undefined) throw new Error('No stage')
  const admin = pipeline.kafka.admin()
  await admin.connect()
  const topic = `${pipeline.config.TOPIC_PREFIX}stage2`
  {
    await using _first = runStages(pipeline, [add])
    const id = newMessageId()
    for (let time = 0; time < 2; time += 1)
      await pipeline.post('start', '{"numbers":[1]}', { 'message-id': id })
    for (let count = 0; count < 9; count += 1) await pipeline.post('start', '{"numbers":[1]}', {}, count % 4)
    await pipeline.post('start', 'no', {}, 1)
    await vi.waitUntil(async () => (await ledger())?.['in_flight'] === 10, wait)
    await vi.waitUntil(async () => (await latest('add'))?.waiting === 0, wait)
  }
  const ends = await admin.fetchTopicOffsets(topic)
  const full = ends.find(({ high }) => Number(high) >= 2)
  if (full === undefined) throw new Error('No partition with two records')
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: full.partition, offset: '2' }] })
  await admin.disconnect()
  await vi.waitUntil(async () => (await ledger())?.['missing'] === 2, wait)
  await using _rest = runStages(pipeline, others)
  await vi.waitUntil(async () => (await ledger())?.['finished'] === 8, wait)
  await vi.waitUntil(async () => (await latest('square-root'))?.waiting === 0, wait)
  expect(await ledger()).toEqual({ entered: 11, in_flight: 0, finished: 8, dead: 1, copies: 1, missing: 2 })
  const { rows } = await pipeline.database.query<{ missing: number }>(
    `select missing::int from stage_samples where stage = 'multiply' order by at desc limit 1`,
  )
  expect(rows).toEqual([{ missing: 2 }])
})

test('of two monitors one watches, and the other takes over', async () => {
  await using stack = new AsyncDisposableStack()
  const first = stack.use(runFastMonitor(pipeline))
  await vi.waitUntil(async () => (await first.gauge('throughline_monitor_active')) === 1, wait)
  await using second = runFastMonitor(pipeline)
  await vi.waitUntil(async () => (await second.gauge('throughline_monitor_active')) === 0, wait)
  expect(await second.gauge('throughline_verdict', { stage: 'add' })).toBeUndefined()
  await stack.disposeAsync()
  await vi.waitUntil(async () => (await second.gauge('throughline_monitor_active')) === 1, wait)
  await vi.waitUntil(async () => (await second.gauge('throughline_verdict', { stage: 'add' })) === 0, wait)
})

test('without a broker every stage is unknown, and no backlog is claimed', async () => {
  await using monitor = runFastMonitor(pipeline, { BOOTSTRAP_SERVERS: ['127.0.0.1:1'] })
  await vi.waitUntil(async () => (await monitor.gauge('throughline_verdict', { stage: 'sine' })) === 5, wait)
  expect(await monitor.gauge('throughline_backlog_messages', { stage: 'sine' })).toBeUndefined()
  expect((await latest('sine'))?.sentence).toContain('is unknown')
})

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
