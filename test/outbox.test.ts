import { v7 as uuid } from 'uuid'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newInput } from '../pipeline/ingress/generator.ts'
import { submit, submitUnpublished, type Ingress } from '../pipeline/ingress/outbox.ts'
import { kafkaSettings } from '../kafka/settings.ts'
import { createSender, type Sender } from '../kafka/producer.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { runStages } from './support/running-stages.ts'

let pipeline: FreshPipeline
let sender: Sender
let ingress: Ingress
beforeAll(async () => {
  pipeline = await freshPipeline()
  sender = createSender(pipeline.kafka, kafkaSettings(pipeline.config, 'test'))
  ingress = {
    database: pipeline.database,
    sender,
    stage: 'add',
    topic: `${pipeline.config.TOPIC_PREFIX}start`,
  }
})
afterAll(async () => {
  await sender.close()
  await pipeline[Symbol.asyncDispose]()
})

const broken: Sender = {
  send: () => Promise.reject(new Error('killed before the record was sent')),
  close: () => Promise.resolve(),
}

const unmarked = async () => {
  const { rows } = await pipeline.database.query<{ count: number }>('select count(*)::int from outbox')
  return rows[0]?.count
}

/** How many records there are on the ingress topic. */
async function records(): Promise<number> {
  const admin = pipeline.kafka.admin()
  await admin.connect()
  const offsets = await admin.fetchTopicOffsets(ingress.topic)
  await admin.disconnect()
  return offsets.reduce((sum, { high }) => sum + Number(high), 0)
}

test('a message has its row before its record, so that a crash in between loses nothing', async () => {
  const inputs = [newInput('{"numbers":[1]}', 0), newInput('{"numbers":[2]}', 1)]
  await expect(submit(inputs, { ...ingress, sender: broken })).rejects.toThrow('killed')
  expect(await unmarked()).toBe(2)
  expect(await records()).toBe(0)
  expect(await submitUnpublished(ingress)).toBe(2)
  expect(await records()).toBe(2)
})

test('what a process saved whose clock was an hour ahead is sent at once', async () => {
  const ahead = { ...newInput('{"numbers":[1]}', 0), id: uuid({ msecs: Date.now() + 3_600_000 }).replaceAll('-', '') }
  await expect(submit([ahead], { ...ingress, sender: broken })).rejects.toThrow('killed')
  expect(await submitUnpublished(ingress)).toBe(1)
})

test('what was sent is marked, and not sent again', async () => {
  await submit([newInput('{"numbers":[3]}', 0)], ingress)
  expect(await unmarked()).toBe(0)
  expect(await submitUnpublished(ingress)).toBe(0)
})

test('what the broker refuses for its size is taken back and named; the others are in', async () => {
  const [small, large] = [newInput('{"numbers":[7]}', 0), newInput(`{"numbers":[8],"note":"${'x'.repeat(1_100_000)}"}`, 0)]
  const before = await records()
  await expect(submit([small, large], ingress)).rejects.toThrow(large.id)
  expect(await records()).toBe(before + 1)
  const { rows } = await pipeline.database.query(
    `select encode(uuid_send(message_id), 'hex') as id, message_id not in (select message_id from outbox) as published from inputs
     where message_id = any($1::uuid[])`,
    [[small.id, large.id]],
  )
  expect(rows).toEqual([{ id: small.id, published: true }])
})

test('what was sent but not marked is sent again with the same id, and the first stage drops the copy', async () => {
  const input = newInput('{"numbers":[4,5,6]}', 0)
  await submit([input], ingress)
  // As if the process had been killed between the record and leaving the outbox.
  await pipeline.database.query("insert into outbox (message_id, stage) values ($1, 'add')", [input.id])
  expect(await submitUnpublished(ingress)).toBe(1)
  await using _stages = runStages(pipeline)
  const totals = async () => {
    const { rows } = await pipeline.database.query(
      'select entered::int, processed::int, duplicates::int from stage_totals order by position limit 1',
    )
    return rows[0]
  }
  await expect.poll(totals, { timeout: 240_000 }).toEqual({ entered: 6, processed: 6, duplicates: 1 })
  const { rows } = await pipeline.database.query('select from results where message_id = $1 and stage = $2', [
    input.id,
    'add',
  ])
  expect(rows).toHaveLength(1)
})
