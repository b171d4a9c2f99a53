import { expect, test } from 'vitest'
import { newMessageId } from '../pipeline/message.ts'
import { pipelineWithStages, runStages } from './support/running-stages.ts'

const pipeline = pipelineWithStages()

interface Step {
  readonly position: number
  readonly stage: string
  readonly outcome: string
  /** Exact microseconds. */
  readonly wait: number
  readonly work: number
  readonly save: number | null
  readonly publish: number | null
}

const micros = (later: string, earlier: string) => `(extract(epoch from (${later} - ${earlier})) * 1e6)::int`

async function stepsOf(id: string): Promise<Step[]> {
  const { rows } = await pipeline.database.query<Step>(
    `select position, stage, outcome,
      ${micros('started_at', 'queued_at')} as wait, ${micros('computed_at', 'started_at')} as work,
      ${micros('sent_at', 'computed_at')} as save, ${micros('next_queued_at', 'sent_at')} as publish
     from steps where message_id = $1 order by position`,
    [id],
  )
  return rows
}

async function endToEnd(id: string): Promise<number | undefined> {
  const { rows } = await pipeline.database.query<{ micros: number }>(
    `select ${micros('finished_at', 'entered_at')} as micros from finished where message_id = $1`,
    [id],
  )
  return rows[0]?.micros
}

/** Seconds from the report views. */
async function reported(id: string): Promise<{ parts: number; whole: number } | undefined> {
  const { rows } = await pipeline.database.query<{ parts: number; whole: number }>(
    `select (select sum(wait + work + save + publish) from step_times where message_id = $1) as parts,
      seconds as whole
     from end_to_end where message_id = $1`,
    [id],
  )
  return rows[0]
}

const parts = (step: Step) => [step.wait, step.work, step.save, step.publish]
const sum = (values: readonly (number | null)[]) => values.reduce<number>((total, value) => total + (value ?? 0), 0)

async function post(count: number, body: string): Promise<string[]> {
  const ids = Array.from({ length: count }, newMessageId)
  await Promise.all(
    ids.map((id, index) => pipeline.post('start', body, { 'message-id': id }, index % pipeline.config.TOPIC_PARTITIONS)),
  )
  return ids
}

test('wait, work, save and publish of all stages add up to end to end, to the microsecond', async () => {
  const ids = await post(100, '{"numbers":[76452,61211234,8243724]}')
  for (const id of ids) {
    await expect.poll(() => endToEnd(id), { timeout: 240_000 }).toBeDefined()
    const steps = await stepsOf(id)
    expect(steps.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5, 6])
    expect(steps.flatMap(parts).every((part) => part !== null && part >= 0)).toBe(true)
    expect(sum(steps.flatMap(parts))).toBe(await endToEnd(id))
    const report = await reported(id)
    expect(report?.parts).toBeCloseTo(Number(report?.whole), 9)
    expect(report?.whole).toBeCloseTo(Number(await endToEnd(id)) / 1e6, 9)
  }
})

test('the parts of a dead letter add up to the time from its entry to the refusal', async () => {
  const [id = ''] = await post(1, '{"numbers":[1e400]}')
  const dead = async () => {
    const { rows } = await pipeline.database.query<{ micros: number }>(
      `select ${micros('computed_at', 'entered_at')} as micros from dead_letters where message_id = $1`,
      [id],
    )
    return rows[0]?.micros
  }
  await expect.poll(dead, { timeout: 240_000 }).toBeDefined()
  const steps = await stepsOf(id)
  expect(steps.map(({ outcome }) => outcome)).toEqual(['processed', 'processed', 'processed', 'processed', 'past-double'])
  expect(steps.at(-1)).toMatchObject({ save: null, publish: null })
  expect(steps.slice(0, -1).flatMap(parts)).not.toContain(null)
  expect(sum(steps.flatMap(parts))).toBe(await dead())
})

test('the times of a message that enters at a later topic begin there', async () => {
  const id = newMessageId()
  await pipeline.post('stage5', '{"numbers":[1,2],"sum":3,"product":2,"lcm":2,"average":1.5}', {
    'message-id': id,
  })
  await expect.poll(() => endToEnd(id), { timeout: 240_000 }).toBeDefined()
  const steps = await stepsOf(id)
  expect(steps.map(({ stage }) => stage)).toEqual(['sine', 'square-root'])
  expect(sum(steps.flatMap(parts))).toBe(await endToEnd(id))
})

test('a sender clock that is ahead makes no part negative, and the parts still add up', async () => {
  const id = newMessageId()
  const sentAt = String(Date.now() + 300_000)
  await pipeline.post('stage2', '{"numbers":[1,2],"sum":3}', { 'message-id': id, 'sent-at': sentAt })
  await expect.poll(() => endToEnd(id), { timeout: 240_000 }).toBeDefined()
  const steps = await stepsOf(id)
  expect(steps.map(({ position }) => position)).toEqual([2, 3, 4, 5, 6])
  // All later clocks are behind the record's time, so every part is 0 and none is negative.
  expect(steps.flatMap(parts)).toEqual(steps.flatMap(() => [0, 0, 0, 0]))
  expect(await endToEnd(id)).toBe(0)
})

test('a stage that consumes all records again does not change any time', async () => {
  const [id = ''] = await post(1, '{"numbers":[5]}')
  await expect.poll(() => endToEnd(id), { timeout: 240_000 }).toBeDefined()
  const before = [await stepsOf(id), await endToEnd(id)]
  await pipeline.stages[Symbol.asyncDispose]()
  const { TOPIC_PREFIX: prefix } = pipeline.config
  const admin = pipeline.kafka.admin()
  await admin.connect()
  await admin.resetOffsets({ groupId: `${prefix}lcm`, topic: `${prefix}stage3`, earliest: true })
  await admin.disconnect()
  pipeline.stages = runStages(pipeline)
  const duplicates = async () => {
    const { rows } = await pipeline.database.query<{ duplicates: number }>(
      `select sum(duplicates)::int as duplicates from counters where stage = 'average'`,
    )
    return rows[0]?.duplicates
  }
  const { rows } = await pipeline.database.query(`select count(*)::int from results where stage = 'lcm'`)
  await expect.poll(duplicates, { timeout: 240_000 }).toBe(rows[0].count)
  expect([await stepsOf(id), await endToEnd(id)]).toEqual(before)
})
