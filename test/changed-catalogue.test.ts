import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeCatalogue } from '../sql/migrate.ts'
import { insertFinished } from '../sql/counters.ts'
import { routes, type Route } from '../pipeline/route.ts'
import { save } from '../pipeline/save.ts'
import { ledgerOf, missingNow, readLedgerTotals } from '../monitor/ledger.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { deadLetter, message, result } from './support/data/outcomes.fixture.ts'

let pipeline: FreshPipeline
let flow: readonly Route[]
beforeAll(async () => {
  pipeline = await freshPipeline()
  flow = routes(pipeline.config)
})
afterAll(() => pipeline[Symbol.asyncDispose]())

/** The stages with these names, each writing to the topic of the next. */
function chain(...names: readonly string[]): Route[] {
  const chosen = names.flatMap((name) => flow.filter(({ stage }) => stage.name === name))
  return chosen.map((route, index) => {
    const following = chosen[index + 1]
    const place = {
      position: index + 1,
      target: following?.source ?? 'finish',
      isLast: following === undefined,
    }
    return Object.assign({}, route, place)
  })
}

/** Saves the n-th message at all stages of a chain; its first record has no `sent-at`. */
async function pass(route: readonly Route[], n: number): Promise<void> {
  const entered = message(n, { sentAt: undefined })
  for (const { stage, source: topic, target, isLast } of route) {
    const place = { stage, target }
    const outcome = result({ ...entered, topic, sentAt: topic === route[0]?.source ? undefined : 1 })
    await save(pipeline.database, place, [outcome])
    const metadata = { partition: 0, offset: BigInt(n), appendedAt: 2 }
    const finish = { ...outcome, sentAt: 1, sentSkewMs: 0, arrivedAt: 2, metadata }
    if (isLast) await insertFinished(pipeline.database, place, [finish])
  }
}

/** The ledger after a change of the catalogue, with an empty backlog at the broker. */
async function ledgerAfter(route: readonly Route[]) {
  await writeCatalogue(pipeline.database, route)
  const totals = await readLedgerTotals(pipeline.database)
  const nothing = new Map(route.map(({ stage }) => [stage.name, 0]))
  const missing = missingNow({ before: totals, after: totals }, nothing)
  return { missing: Object.fromEntries(missing), ledger: ledgerOf(totals, 0) }
}

test('no message of the past is missing after stages were added, removed or moved', async () => {
  const short = chain('add', 'lcm')
  await writeCatalogue(pipeline.database, short)
  for (const n of [1, 2, 3]) await pass(short, n)
  const dead = { ...message(4, { sentAt: undefined }), topic: 'start' }
  const [first] = short
  if (first === undefined) throw new Error('No stage')
  await save(pipeline.database, { stage: { name: 'add' }, target: first.target }, [deadLetter(dead)])
  const ledger = { entered: 4, in_flight: 0, finished: 3, dead: 1, duplicates: 0, missing: 0 }
  expect(await ledgerAfter(short)).toEqual({ missing: { add: 0, lcm: 0 }, ledger })
  const long = chain('add', 'multiply', 'lcm', 'sine')
  expect(await ledgerAfter(long)).toEqual({ missing: { add: 0, multiply: 0, lcm: 0, sine: 0 }, ledger })
  // A process with the old catalogue skips the new stages.
  await pass(short, 5)
  await pass(long, 6)
  const later = { ...ledger, entered: 6, finished: 5 }
  expect(await ledgerAfter(long)).toEqual({
    missing: { add: 0, multiply: 0, lcm: 0, sine: 0 },
    ledger: later,
  })
  expect(await ledgerAfter(chain('lcm', 'multiply'))).toEqual({
    missing: { lcm: 0, multiply: 0 },
    ledger: later,
  })
})

test('a message that was on its way to a stage when another was inserted before it is still expected', async () => {
  const { target } = chain('average', 'square-root')[0] ?? { target: '' }
  const place = { stage: { name: 'average' }, target }
  await save(pipeline.database, place, [result(message(7, { sentAt: undefined }))])
  const { missing } = await ledgerAfter(chain('average', 'sine', 'square-root'))
  expect(missing).toEqual({ average: 0, sine: 0, 'square-root': 1 })
})

test('a removed stage keeps its name and position in reports', async () => {
  const names = async () => {
    const text = 'select name, position, is_current as "isCurrent" from stages order by position, is_current, name'
    const { rows } = await pipeline.database.query<Record<string, unknown>>(text)
    return rows.map(({ name, position, isCurrent }) => `${String(position)} ${String(name)}${isCurrent ? '' : ' -'}`)
  }
  await pipeline.database.query('truncate stages')
  expect(await writeCatalogue(pipeline.database, chain('add', 'multiply', 'lcm'))).toBe(true)
  expect(await writeCatalogue(pipeline.database, chain('add', 'lcm'))).toBe(true)
  expect(await writeCatalogue(pipeline.database, chain('add', 'lcm'))).toBe(false)
  expect(await names()).toEqual(['1 add', '2 multiply -', '2 lcm'])
  const entered = message(8, { sentAt: undefined })
  await save(pipeline.database, { stage: { name: 'multiply' }, target: chain('lcm')[0]?.source ?? '' }, [result(entered)])
  const { rows } = await pipeline.database.query(
    `select h.stage, h.position, m.stage as "at" from message_history h join messages m using (message_id)
     where message_id = $1`,
    [entered.id],
  )
  // The next stage has moved to its position.
  expect(rows).toEqual([{ stage: 'multiply', position: 2, at: 'lcm' }])
  expect(await writeCatalogue(pipeline.database, chain('multiply', 'add'))).toBe(true)
  expect(await names()).toEqual(['1 multiply', '2 lcm -', '2 add'])
})
