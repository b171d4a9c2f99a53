import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dashboards } from './grafana/dashboards.ts'
import { interpolateSql } from './grafana/interpolate.ts'
import { databaseSettings } from '../sql/database.ts'
import { pipeline as catalogue } from '../stages/index.ts'
import { newMessageId } from '../pipeline/message.ts'
import { makeReportingRole } from '../sql/reporting-role.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'

let pipeline: FreshPipeline
let grafanaClient: Client
beforeAll(async () => {
  pipeline = await freshPipeline()
  await makeReportingRole(pipeline.database, 'of the test', pipeline.log)
  const login = { user: 'grafana', password: 'of the test' }
  grafanaClient = new Client({ ...databaseSettings(pipeline.config), ...login })
  await grafanaClient.connect()
})
afterAll(async () => {
  await grafanaClient.end()
  await pipeline[Symbol.asyncDispose]()
})

/** Inserts the monitor's samples of every stage, taken so many seconds ago. */
async function insertSamples(secondsAgo: number, verdict = 'OK', drain: number | null = null): Promise<void> {
  await pipeline.database.query(
    `insert into stage_samples (at, stage, waiting, oldest_seconds, drain_seconds, members, partitions, partitions_assigned,
       missing, verdict, sentence)
     select now() - make_interval(secs => $1), name, 3, 1, $3, 1, 4, 4, 0, $2, 'so it is' from stages`,
    [secondsAgo, verdict, drain],
  )
  await pipeline.database.query('insert into ledger_samples values (now() - make_interval(secs => $1), 0, 0, 0, 0, 0, 0)', [
    secondsAgo,
  ])
}

/** The first row of a panel's query. */
async function shown(title: string): Promise<Record<string, unknown> | undefined> {
  const panel = dashboards.flatMap(({ panels }) => panels).find((each) => each.title === title)
  const range = { from: new Date(Date.now() - 600_000), to: new Date() }
  const sql = interpolateSql(panel?.targets[0]?.rawSql ?? '', range, { stage: 'lcm' })
  return (await grafanaClient.query<Record<string, unknown>>(sql)).rows[0]
}

test('a stage that stands is not shown as one with a reserve', async () => {
  const busy = async (verdict: string) => {
    await pipeline.database.query('delete from stage_samples')
    await insertSamples(1, verdict)
    await pipeline.database.query('update stage_samples set utilisation = 0')
    return [(await shown('How is every stage now?'))?.['busy'], (await shown('Busy'))?.['busy']]
  }
  expect(await busy('OK')).toEqual([0, 0])
  for (const verdict of ['STALLED', 'STOPPED']) expect(await busy(verdict)).toEqual([null, -1])
  // The tracer's, and that of a stage whose monitor has just started.
  await pipeline.database.query(`update stage_samples set utilisation = null, verdict = 'OK'`)
  expect(await shown('Busy')).toEqual({ busy: null })
  await pipeline.database.query('delete from stage_samples; delete from ledger_samples')
})

test('a line has a gap where samples are missing, and none for a late sample', async () => {
  for (const ago of [120, 115, 110, 97, 92, 30, 25, 20]) await insertSamples(ago)
  const { rows } = await grafanaClient.query<{ ago: number; waiting: string | null }>(
    `select extract(epoch from now() - at)::float8 as ago, waiting
     from stage_history_between(now() - interval '120 s', now() - interval '20 s') where stage = 'lcm'`,
  )
  const gaps = rows.filter(({ waiting }) => waiting === null).map(({ ago }) => ago)
  expect(Math.max(...gaps)).toBeLessThan(80)
  expect(Math.min(...gaps)).toBeGreaterThan(30)
  expect(gaps.length).toBeGreaterThan(5)
  expect(rows.filter(({ waiting }) => waiting === '3').length).toBeGreaterThan(4)
})

/** Adds the tracer to the monitor's latest sample. */
async function insertTracerSample(oldest: string | null): Promise<void> {
  await pipeline.database.query(
    `insert into stage_samples (at, stage, waiting, oldest_seconds, oldest_message, verdict, sentence)
     select max(at), 'tracer', 9, 40, $1, 'STOPPED', 'tracer is stopped' from stage_samples`,
    [oldest],
  )
}

test('the tracer is shown while the monitor samples it: after the last stage, in no sum, with gaps in its line', async () => {
  await pipeline.database.query('delete from stage_samples')
  const names = async () => {
    const { rows } = await grafanaClient.query<{ stage: string }>('select stage from stage_now order by position')
    return rows.map(({ stage }) => stage)
  }
  const stages = catalogue.map(({ name }) => name)
  for (const ago of [100, 95, 30]) {
    await insertSamples(ago)
    await insertTracerSample(null)
  }
  // The sample is older than 20 s.
  expect(await names()).toEqual(stages)
  await insertSamples(3)
  // The latest sample has no tracer.
  expect(await names()).toEqual(stages)
  await insertTracerSample(newMessageId())
  expect(await names()).toEqual([...stages, 'tracer'])
  expect(await shown('Oldest')).toEqual({ oldest: 1 })
  const { rows } = await grafanaClient.query<{ position: number; waiting: string | null }>(
    `select stage_history_between.position, waiting from stage_history_between(now() - interval '110 s', now())
     where stage = 'tracer'`,
  )
  expect(new Set(rows.map(({ position }) => position))).toEqual(new Set([7]))
  expect(rows.filter(({ waiting }) => waiting === '9')).toHaveLength(4)
  expect(rows.filter(({ waiting }) => waiting === null).length).toBeGreaterThan(5)
})

test('a link to the oldest message begins at the time in its id, or else when it reached the stage', async () => {
  const from = async (id: string) => {
    await pipeline.database.query('delete from stage_samples')
    await insertSamples(1)
    await insertTracerSample(id)
    const { rows } = await grafanaClient.query<{ message: string; ago: number }>(
      `select oldest_message as message, extract(epoch from now())::float8 - oldest_link_from::float8 / 1000 as ago
       from stage_now where stage = 'tracer'`,
    )
    expect(rows[0]?.message).toBe(id)
    return rows[0]?.ago
  }
  // The link's range begins 5 % earlier.
  const hourOld = `${(Date.now() - 3_600_000).toString(16).padStart(12, '0')}70008000000000000001`
  expect(await from(hourOld)).toBeCloseTo(3600 * 1.05, -2)
  expect(await from('00000000000000000000000000000001')).toBeCloseTo(41 * 1.05, -1)
})

test('the number of alerts is 0 only while the monitor runs, and otherwise unknown', async () => {
  await pipeline.database.query('delete from ledger_samples')
  await insertSamples(30)
  expect(await shown('Alerts')).toEqual({ firing: null })
  await insertSamples(2)
  expect(await shown('Alerts')).toEqual({ firing: '0' })
})

test('a stage without a sample is not shown as never empty', async () => {
  await pipeline.database.query('delete from stage_samples')
  expect(await shown('Empty in')).toEqual({ 'empty in': null })
  expect(await shown('Busy')).toEqual({ busy: null })
  expect(await shown('How is every stage now?')).toMatchObject({ 'empty in': null, is: 'UNKNOWN' })
  await insertSamples(4, 'FALLING BEHIND')
  expect(await shown('Empty in')).toEqual({ 'empty in': -1 })
  await insertSamples(3, 'CATCHING UP', 90)
  expect(await shown('Empty in')).toEqual({ 'empty in': 90 })
  await insertSamples(2)
  expect(await shown('Empty in')).toEqual({ 'empty in': 0 })
})

test('without an id the latest message with a trace is chosen, or a newer one when there is no other', async () => {
  const asked = async () => {
    const { rows } = await grafanaClient.query<{ id: string }>("select message_asked_for('') as id")
    return rows[0]?.id.replaceAll('-', '')
  }
  const finish = async (id: string, secondsAgo: number) =>
    await pipeline.database.query(
      `insert into finished (message_id, attempt, entered_at, sent_at, finished_at, partition, "offset")
       values ($1, 1, now(), now(), now() - make_interval(secs => $2), 0, 0)`,
      [id, secondsAgo],
    )
  const [fresh, settled] = [newMessageId(), newMessageId()]
  await finish(fresh, 1)
  expect(await asked()).toBe(fresh)
  await finish(settled, 60)
  expect(await asked()).toBe(settled)
})

test('a text that is too long for a table ends in an ellipsis', async () => {
  const { rows } = await grafanaClient.query(
    "select length(shortened(repeat('9', 2000))) as whole, right(shortened(repeat('9', 2001)), 2) as cut",
  )
  expect(rows).toEqual([{ whole: 2000, cut: '9…' }])
})

test('an alert links to its page at its time', async () => {
  await pipeline.database.query(
    `insert into alert_notifications (status, alert, url, starts_at, ends_at, fingerprint) values
       ('firing', 'A', 'http://g/d/stage?var-stage=lcm', to_timestamp(1000), null, 'a'),
       ('resolved', 'B', 'http://g/d/pipeline', to_timestamp(1000), to_timestamp(2000), 'b')`,
  )
  const { rows } = await grafanaClient.query<{ url: string }>('select url from alerts_delivered order by alert')
  expect(rows.map(({ url }) => url)).toEqual([
    expect.stringMatching(/^http:\/\/g\/d\/stage\?var-stage=lcm&from=6\d{5}&to=now$/),
    expect.stringMatching(/^http:\/\/g\/d\/pipeline\?from=6\d{5}&to=2[34]\d{5}$/),
  ])
})
