import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readRules } from './grafana/alert-rules.ts'
import { databaseSettings } from '../sql/database.ts'
import { makeReportingRole } from '../sql/reporting-role.ts'
import { monitoredGroups } from '../pipeline/route.ts'
import { persistReport } from '../monitor/report-output.ts'
import { report } from '../monitor/report.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { createFakeQueue, loadOf } from './support/data/fake-queue.ts'
import { firingByRows } from './grafana/alert-evaluation.ts'

let pipeline: FreshPipeline
let grafanaClient: Client
beforeAll(async () => {
  pipeline = await freshPipeline()
  const password = 'of the test'
  await makeReportingRole(pipeline.database, password, pipeline.log)
  grafanaClient = new Client({ ...databaseSettings(pipeline.config), user: 'grafana', password })
  await grafanaClient.connect()
})
afterAll(async () => {
  await grafanaClient.end()
  await pipeline[Symbol.asyncDispose]()
})

/** Inserts the monitor's samples with an oldest waiting message of this age in seconds, at lcm by default. */
async function insertSamples(oldest: number, ago = 0, late = 'lcm', members = 1): Promise<void> {
  const monitored = monitoredGroups(pipeline.config, late === 'tracer')
  const wallMs = Date.now()
  const groups = new Map(
    monitored.map(({ name }) => {
      const queue = createFakeQueue()
      const load = loadOf(name, name === late && oldest > 0 ? { [name]: { serve: 0, members } } : {})
      queue.pass(load, wallMs - oldest * 1000)
      return [name, queue.sample(load)]
    }),
  )
  const totals = { stages: new Map(), messages: { entered: 0, finished: 0, dead: 0, duplicates: 0, unsent: 0 } }
  const samples = [{ at: 0, wallMs, groups }]
  const ledgerSamples = [{ at: 0, totals, missing: new Map<string, number>() }]
  await persistReport(report(monitored, { samples, ledgerSamples }, { now: 0 }), pipeline.database)
  for (const table of ['stage_samples', 'ledger_samples']) {
    await pipeline.database.query(
      `update ${table} set at = at - make_interval(secs => $1) where at = (select max(at) from ${table})`,
      [ago],
    )
  }
}

async function firing(uid: string): Promise<Record<string, boolean>> {
  const rule = readRules().find((each) => each.uid === uid)
  if (rule === undefined) throw new Error(`No rule ${uid}`)
  return await firingByRows(rule, grafanaClient)
}

const noneFiring = {
  add: false,
  multiply: false,
  lcm: false,
  average: false,
  sine: false,
  'square-root': false,
}

test('an old message fires for its stage; a sample that is too old does not', async () => {
  // Every stage always has a row, because Grafana fires for missing data.
  expect(await firing('oldest-waiting')).toEqual(noneFiring)
  await insertSamples(90, 60)
  expect(await firing('oldest-waiting')).toEqual(noneFiring)
  await insertSamples(59, 2)
  expect(await firing('oldest-waiting')).toEqual(noneFiring)
  await insertSamples(61, 1)
  expect(await firing('oldest-waiting')).toEqual({ ...noneFiring, lcm: true })
  await insertSamples(0)
  expect(await firing('oldest-waiting')).toEqual(noneFiring)
})

test('an old message at the tracer fires while the monitor samples the tracer', async () => {
  await insertSamples(61, 0, 'tracer')
  expect(await firing('oldest-waiting')).toEqual({ ...noneFiring, tracer: true })
  await insertSamples(0)
  expect(await firing('oldest-waiting')).toEqual(noneFiring)
})

test('an old message at a stopped stage does not fire: the stage has an alert of its own', async () => {
  await insertSamples(90, 0, 'lcm', 0)
  const { rows } = await pipeline.database.query(`select verdict from stage_now where stage = 'lcm'`)
  expect(rows).toEqual([{ verdict: 'STOPPED' }])
  expect(await firing('oldest-waiting')).toEqual(noneFiring)
  await insertSamples(0)
})

test('missing samples fire', async () => {
  await pipeline.database.query('delete from ledger_samples')
  expect(await firing('monitor-down')).toEqual({ '': true })
  await insertSamples(0, 31)
  expect(await firing('monitor-down')).toEqual({ '': true })
  await insertSamples(0)
  expect(await firing('monitor-down')).toEqual({ '': false })
})
