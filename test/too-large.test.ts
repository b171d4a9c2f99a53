import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadKafkajs } from '../kafka/client.ts'
import { newMessageId } from '../pipeline/message.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { readTopic } from './support/kafka-records.ts'
import { runStages } from './support/running-stages.ts'
import { add } from '../stages/add.ts'

let pipeline: FreshPipeline
let prefix: string
beforeAll(async () => {
  pipeline = await freshPipeline()
  prefix = pipeline.config.TOPIC_PREFIX
  await configure('stage2', { 'max.message.bytes': 2000 })
})
afterAll(() => pipeline[Symbol.asyncDispose]())

/** A topic setting that the pipeline does not know. */
async function configure(topic: string, settings: Readonly<Record<string, number>>) {
  const admin = pipeline.kafka.admin()
  await admin.connect()
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value: String(value) }))
  const resources = [{ type: loadKafkajs().ConfigResourceTypes.TOPIC, name: prefix + topic, configEntries }]
  await admin.alterConfigs({ validateOnly: false, resources })
  await admin.disconnect()
}

const wait = { timeout: 240_000, interval: 50 }

async function account() {
  const { rows } = await pipeline.database.query(`
    select entered::int, processed::int, dead::int, duplicates::int,
      (select count(*)::int from results where reason is null) as results, (select count(*)::int from inputs) as inputs,
      (select array_agg(reason || ' at ' || stage) from dead_letters) as dead_letters
    from stage_totals where stage = 'add'`)
  return rows[0]
}

const body = (note: string) => JSON.stringify({ numbers: [1, 2], note })
const small = body('small')
const large = body('x'.repeat(5000))

async function valuesOn(topic: string) {
  const values: string[] = []
  await readTopic(pipeline.kafka, prefix + topic, ({ value }) => values.push(String(value)))
  return values
}

test('a record that the next topic rejects becomes a dead letter, and the others of its batch are published', async () => {
  // Sent before the stage starts, so that they are one batch.
  await pipeline.post('start', small)
  await pipeline.post('start', large, { 'message-id': newMessageId() })
  await pipeline.post('start', small)
  await using stages = runStages(pipeline, [add])
  const expected = { entered: 3, processed: 2, dead: 1, duplicates: 0, results: 2, inputs: 3 }
  await expect.poll(account, wait).toEqual({ ...expected, dead_letters: ['too-large at add'] })
  await expect.poll(() => valuesOn('dead-letter'), wait).toEqual([large])
  expect(await valuesOn('stage2')).toEqual([small, small].map((text) => text.replace('}', ',"sum":3}')))
  // The stage continues.
  await pipeline.post('start', small)
  await expect.poll(account, wait).toMatchObject({ processed: 3, dead: 1 })
  expect(stages.health.isReady()).toBe(true)
})

test('when it is redelivered, it stays a dead letter and is not counted again', async () => {
  const before = await account()
  await rewind()
  await using _stages = runStages(pipeline, [add])
  await expect.poll(() => valuesOn('dead-letter'), wait).toEqual([large, large])
  await expect.poll(() => valuesOn('stage2'), wait).toHaveLength(6)
  expect(await account()).toEqual(before)
})

test('a dead letter that is larger than a segment of its topic is published without its value', async () => {
  const segment = 1_048_576
  await configure('dead-letter', { 'max.message.bytes': 2 * segment, 'segment.bytes': segment })
  await using _stages = runStages(pipeline, [add])
  // The record has the largest size of its topic; the headers of the dead letter exceed it.
  await pipeline.post('start', 'x'.repeat(segment - 200))
  const withoutValue: string[] = []
  const read = async () => {
    withoutValue.length = 0
    await readTopic(pipeline.kafka, `${prefix}dead-letter`, ({ value, headers }) => {
      if (value === null) withoutValue.push(String(headers?.['dead-letter-value']))
    })
    return withoutValue
  }
  await expect.poll(read, wait).toEqual([expect.stringContaining('it is in the table results')])
})

/** Resets the group to the beginning, as if the process had been killed before the commit. */
async function rewind() {
  const admin = pipeline.kafka.admin()
  await admin.connect()
  await admin.resetOffsets({ groupId: `${prefix}add`, topic: `${prefix}start`, earliest: true })
  await admin.disconnect()
}
