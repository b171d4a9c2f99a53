import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Status } from '../cli/render/render-status.ts'
import type { Verdict } from '../monitor/verdict.ts'
import { newMessageId } from '../pipeline/message.ts'
import { throughline } from './support/processes/throughline-cli.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'

let pipeline: FreshPipeline
beforeAll(async () => {
  pipeline = await freshPipeline()
})
afterAll(() => pipeline[Symbol.asyncDispose]())

const status = (...args: string[]) => throughline(['status', ...args], { env: pipeline.env })

/** Inserts samples as a monitor does, with nulls for what the broker did not say of a stage that is UNKNOWN. */
async function insertSamples(verdict: Verdict, at: string): Promise<void> {
  await pipeline.database.query('truncate stage_samples')
  await pipeline.database.query(
    `insert into stage_samples (at, stage, waiting, oldest_seconds, arrivals_per_second, served_per_second, drain_seconds,
       utilisation, members, partitions, partitions_assigned, processes_wanted, missing, verdict,
       sentence)
     select now() + $3::interval, name, 7, 41.5, 3, 2, 90, 0.5, 1, 4, 3, 3, 0, case name when 'lcm' then $1 else 'OK' end, $2
     from stages`,
    [verdict, `it is ${verdict}`, at],
  )
  await pipeline.database.query(
    `update stage_samples set waiting = null, oldest_seconds = null, members = null, partitions = null,
       partitions_assigned = null, missing = null
     where verdict = 'UNKNOWN'`,
  )
}

test.each<[Verdict, number]>([
  ['STOPPED', 1],
  ['STALLED', 1],
  ['FALLING BEHIND', 1],
  ['CATCHING UP', 0],
  ['UNKNOWN', 0],
])('a stage of which the monitor says %s makes the exit code %i', async (verdict, expected) => {
  await insertSamples(verdict, '0')
  const { code, stdout } = await status()
  expect({ code, stdout }).toEqual({ code: expected, stdout: expect.stringContaining(`it is ${verdict}`) })
  expect(stdout).toContain('lcm wants 3 processes, has 0')
})

test('what the monitor knows of a stage is in the JSON', async () => {
  await pipeline.database.query(
    `insert into counters (stage, partition, target, processed, duplicates) values ('lcm', 0, 'stage4', 40, 2), ('sine', 1, 'stage6', 30, 1)`,
  )
  await insertSamples('CATCHING UP', '0')
  const { stages, duplicates } = JSON.parse((await status('--json')).stdout) as Status
  expect(stages[2]).toMatchObject({
    stage: 'lcm',
    verdict: 'CATCHING UP',
    oldest: 41.5,
    arrivals: 3,
    served: 2,
    drain: 90,
    partitions: 4,
    assigned: 3,
    running: 0,
    wanted: 3,
    done: 40,
    duplicates: 2,
  })
  expect(duplicates).toBe(3)
})

test('the tracer is shown when the monitor watches it, with its oldest message, and counts for the exit code', async () => {
  await insertSamples('OK', '0')
  expect(JSON.parse((await status('--json')).stdout)).toMatchObject({ tracer: null })
  const id = newMessageId()
  await pipeline.database.query(
    `insert into stage_samples (at, stage, waiting, oldest_seconds, oldest_message, members, partitions,
       partitions_assigned, verdict, sentence)
     select max(at), 'tracer', 9, 40, $1, 0, 8, 0, 'STOPPED', 'tracer is stopped' from stage_samples`,
    [id],
  )
  const { code, stdout } = await status('--json')
  expect(code).toBe(1)
  const { stages, tracer, missing } = JSON.parse(stdout) as Status
  expect(stages.map(({ stage }) => stage)).not.toContain('tracer')
  expect(tracer).toMatchObject({
    position: 7,
    stage: 'tracer',
    verdict: 'STOPPED',
    oldest: 40,
    oldestMessage: id,
  })
  expect(tracer).not.toHaveProperty('done')
  expect(missing).toBe(0)
  const { stdout: text } = await status()
  expect(text).toContain(`tracer is stopped\n  its oldest message is ${id}`)
})

test('without a monitor the tracer is shown where traces are exported', async () => {
  await insertSamples('OK', '-1 minute')
  const env = { ...pipeline.env, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:1' }
  const { stdout } = await throughline(['status', '--json'], { env })
  expect((JSON.parse(stdout) as Status).tracer).toMatchObject({
    verdict: 'OK',
    running: 0,
    waiting: 0,
    oldest: null,
  })
})

test('a sample from a clock that is ahead is ignored', async () => {
  await insertSamples('STALLED', '1 hour')
  expect((await status()).code).toBe(0)
})

test('an old sample of the monitor is ignored', async () => {
  await insertSamples('STALLED', '-1 minute')
  const { code, stdout } = await status('--json')
  expect(code).toBe(0)
  const { stages, missing } = JSON.parse(stdout) as Status
  expect(missing).toBeNull()
  expect(stages[2]).toMatchObject({ verdict: 'OK', oldest: null, drain: null, partitions: null })
})

test('without a monitor a stage that has not moved is unknown, and no reason for another exit code', async () => {
  await insertSamples('STALLED', '-1 minute')
  const groupId = `${pipeline.config.TOPIC_PREFIX}add`
  const consumer = pipeline.kafka.consumer({ groupId })
  await consumer.connect()
  await consumer.subscribe({ topic: `${pipeline.config.TOPIC_PREFIX}start`, fromBeginning: true })
  const consuming = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  await consumer.run({
    eachMessage: async () => {
      consuming.resolve()
      await released.promise
    },
  })
  await pipeline.post('start', '{"numbers":[1]}')
  await consuming.promise
  const { code, stdout } = await status('--json')
  released.resolve()
  await consumer.disconnect()
  expect(code).toBe(0)
  expect((JSON.parse(stdout) as Status).stages[0]).toMatchObject({
    verdict: 'UNKNOWN',
    running: 1,
    waiting: 1,
  })
})
