import { createRequire } from 'node:module'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { headerText } from '../pipeline/headers.ts'
import { newMessageId } from '../pipeline/message.ts'
import { pipeline as catalogue } from '../stages/index.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { readTopic } from './support/kafka-records.ts'
import { runStages } from './support/running-stages.ts'

let pipeline: FreshPipeline
beforeAll(async () => {
  vi.stubEnv('KAFKA_FAST_PATCHES', 'off')
  pipeline = await freshPipeline()
})
afterAll(async () => {
  await pipeline[Symbol.asyncDispose]()
  vi.unstubAllEnvs()
})

async function counts() {
  const { rows } = await pipeline.database.query(`
    select (select count(*)::int from results where reason is null) as results,
      (select count(*)::int from dead_letters) as dead_letters, (select count(*)::int from finished) as finished,
      (select sum(duplicates)::int from counters) as duplicates`)
  return rows[0]
}

test('with KAFKA_FAST_PATCHES=off every message passes every stage once, with key, value and headers', async () => {
  const encodeRequest = createRequire(import.meta.url)('kafkajs/src/protocol/request') as { name: string }
  expect(encodeRequest.name).not.toBe('encodeRequest')

  const ids = Array.from({ length: 60 }, newMessageId)
  const noted = (index: number) => `nöte ${index} ${'x'.repeat(index * 10)}`
  for (const [index, id] of ids.entries()) {
    const body = JSON.stringify({ numbers: [index + 1, index + 2], note: noted(index) })
    const headers = { 'message-id': id, tenant: 'blue', twice: ['1', '2'], empty: '' }
    await pipeline.post('start', body, headers, index % 4)
  }
  await pipeline.post('start', 'no JSON', {}, 0)
  await using _stages = runStages(pipeline)
  await expect
    .poll(counts, { timeout: 240_000, interval: 50 })
    .toEqual({ results: 60 * catalogue.length, dead_letters: 1, finished: 60, duplicates: 0 })

  const finished = new Map<string, { note: string; partition: number; headers: unknown[] }>()
  await readTopic(pipeline.kafka, `${pipeline.config.TOPIC_PREFIX}finish`, ({ value, headers = {} }, partition) => {
    const { note } = JSON.parse(String(value)) as { note: string }
    const own = ['tenant', 'twice', 'empty'].map((name) => headers[name]?.toString())
    finished.set(headerText(headers, 'message-id') ?? '', { note, partition, headers: own })
  })
  const expected = ids.map((id, index) => {
    return [id, { note: noted(index), partition: index % 4, headers: ['blue', '1,2', ''] }] as const
  })
  expect(finished).toEqual(new Map(expected))
  expect(await counts()).toMatchObject({ finished: 60, duplicates: 0 })
})
