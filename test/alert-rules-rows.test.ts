import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readRules } from './grafana/alert-rules.ts'
import { databaseSettings } from '../sql/database.ts'
import { makeReportingRole } from '../sql/reporting-role.ts'
import { keepReport } from '../monitor/keep.ts'
import { createMemory } from '../monitor/memory.ts'
import { monitoredGroups } from '../monitor/monitored-groups.ts'
import { report } from '../monitor/report.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { createQueue, fateOf } from './support/made-up-stages.ts'
import { firingByRows } from './support/rows-of-rules.ts'

let pipeline: FreshPipeline
let asGrafana: Client
beforeAll(async () => {
  pipeline = await freshPipeline()
  const password = 'of the test'
  await makeReportingRole(pipeline.database, password, pipeline.log)
  asGrafana = new Client({ ...databaseSettings(pipeline.config), user: 'grafana', password })
  await asGrafana.connect()
})
afterAll(async () => {
  await asGrafana.end()
  await pipeline[Symbol.asyncDispose]()
})

/** The monitor looks, and sees that the oldest message in front of lcm, or of another, has waited so long. */
async function look(oldest: number, ago = 0, late = 'lcm'): Promise<void> {
  const watched = monitoredGroups(pipeline.config, late === 'tracer')
  const wallMs = Date.now()
  const memory = createMemory()
  const groups = new Map(
    watched.map(({ name }) => {
      const queue = createQueue()
      const fate = fateOf(name, name === late && oldest > 0 ? { [name]: { serve: 0 } } : {})
      queue.pass(fate, wallMs - oldest * 1000)
      return [name, queue.sample(fate)]
    }),
  )
  memory.addSample({ at: 0, wallMs, groups })
  const account = { stages: [], entered: 0, finished: 0, dead: 0, duplicates: 0, unsent: 0 }
  memory.addAccount({ at: 0, account, missing: new Map() })
  await keepReport(report(watched, memory, 0), pipeline.database)
  for (const table of ['stage_samples', 'ledger_samples']) {
    await pipeline.database.query(
      `update ${table} set at = at - make_interval(secs => $1) where at = (select max(at) from ${table})`,
      [ago],
    )
  }
}

async function firing(uid: string): Promise<Record<string, boolean>> {
  const rule = readRules().find((each) => each.uid === uid)
  if (rule === undefined) throw new Error(`There is no rule ${uid}`)
  return await firingByRows(rule, asGrafana)
}

const quiet = { add: false, multiply: false, lcm: false, average: false, sine: false, 'square-root': false }

test('an old message is told at its stage; nothing is said of one that nobody has seen lately', async () => {
  // Every stage has a row at any time: Grafana never misses one.
  expect(await firing('oldest-waiting')).toEqual(quiet)
  await look(90, 60)
  expect(await firing('oldest-waiting')).toEqual(quiet)
  await look(59, 2)
  expect(await firing('oldest-waiting')).toEqual(quiet)
  await look(61, 1)
  expect(await firing('oldest-waiting')).toEqual({ ...quiet, lcm: true })
  await look(0)
  expect(await firing('oldest-waiting')).toEqual(quiet)
})

test('an old message in front of the tracer is told, as long as the monitor watches the tracer', async () => {
  await look(61, 0, 'tracer')
  expect(await firing('oldest-waiting')).toEqual({ ...quiet, tracer: true })
  await look(0)
  expect(await firing('oldest-waiting')).toEqual(quiet)
})

test('when nothing is kept any more, that is told', async () => {
  await pipeline.database.query('delete from ledger_samples')
  expect(await firing('nobody-watches')).toEqual({ '': true })
  await look(0, 31)
  expect(await firing('nobody-watches')).toEqual({ '': true })
  await look(0)
  expect(await firing('nobody-watches')).toEqual({ '': false })
})
