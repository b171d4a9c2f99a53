import { afterAll, beforeAll, expect, test } from 'vitest'
import { monitoredGroups } from '../pipeline/route.ts'
import { persistReport } from '../monitor/report-output.ts'
import { report } from '../monitor/report.ts'
import { maintainPartitions } from '../sql/partitions.ts'
import { history } from './support/data/backlog-history.fixture.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'

let pipeline: FreshPipeline
beforeAll(async () => {
  pipeline = await freshPipeline()
})
afterAll(() => pipeline[Symbol.asyncDispose]())

/** The report of a monitor without samples. */
const unknown = () => report(monitoredGroups(pipeline.config, false), { samples: [], ledgerSamples: [] }, { now: 0 })

test('the row of an UNKNOWN stage has no figures, and the time of Postgres', async () => {
  await persistReport(unknown(), pipeline.database)
  const { rows } = await pipeline.database.query(
    `select verdict, waiting, oldest_seconds, members, partitions, missing, at between now() - interval '1 min' and now() as "isNow"
     from stage_samples where stage = 'lcm'`,
  )
  const nothing = { waiting: null, oldest_seconds: null, members: null, partitions: null, missing: null }
  expect(rows).toEqual([{ verdict: 'UNKNOWN', ...nothing, isNow: true }])
})

test('how many processes a stage wants is in its row, and in the views of the dashboards', async () => {
  await pipeline.database.query('truncate stage_samples')
  const samples = history([{}]).map(({ at, wallMs, ...lcm }) => ({ at, wallMs, groups: new Map([['lcm', lcm]]) }))
  const scaling = new Map([['lcm', { at: 0, wanted: 3, rates: [] }]])
  const groups = monitoredGroups(pipeline.config, false)
  await persistReport(report(groups, { samples, ledgerSamples: [] }, { now: 0, scaling }), pipeline.database)
  for (const view of ['stage_now', "stage_history_between(now() - interval '1 min', now())"]) {
    const { rows } = await pipeline.database.query(
      `select processes_wanted from ${view} where stage = 'lcm' order by at desc limit 1`,
    )
    expect(rows).toEqual([{ processes_wanted: 3 }])
  }
})

test('a row with a time in the future is not the current one', async () => {
  await persistReport(unknown(), pipeline.database)
  await pipeline.database.query(
    `insert into stage_samples (at, stage, verdict, sentence) select now() + interval '1 hour', name, 'STALLED', '' from stages`,
  )
  const { rows } = await pipeline.database.query('select distinct verdict from stage_now')
  expect(rows).toEqual([{ verdict: 'UNKNOWN' }])
  const { rows: words } = await pipeline.database.query<{ sentence: string }>('select sentence from stage_now')
  expect(words.every(({ sentence }) => sentence.includes('offsets'))).toBe(true)
})

test('old rows are removed page by page, as long as there is time', async () => {
  const fill = `insert into alert_notifications (received_at, status, alert, starts_at, fingerprint)
    select now() - interval '15 days', 'firing', 'old', now(), n::text from generate_series(1, 7500) n`
  await pipeline.database.query(fill)
  const table = 'alert_notifications'
  const removed = (rows: number) => [{ action: 'deleted', table, partition: table, rows }]
  let pages = 0
  expect(await maintainPartitions(pipeline.database, 14, () => (pages += 1) <= 1)).toEqual(removed(5000))
  expect(await maintainPartitions(pipeline.database, 14, () => true)).toEqual(removed(2500))
})
