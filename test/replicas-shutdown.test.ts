import { expect, test } from 'vitest'
import { routeOf } from '../pipeline/route.ts'
import { add } from '../stages/add.ts'
import type { Stage } from '../stages/stage.ts'
import { readBacklog } from '../kafka/backlog.ts'
import { freshPipeline } from './support/fresh-pipeline.ts'
import { readTopic } from './support/kafka-records.ts'
import { runStages, type RunningStages } from './support/running-stages.ts'

const wait = { timeout: 240_000, interval: 50 }

test('a replica that is stopped in the middle of a batch finishes it, so that it is not consumed again', async () => {
  await using pipeline = await freshPipeline({ TOPIC_PARTITIONS: '1' })
  for (let posted = 0; posted < 20; posted += 1) await pipeline.post('start', '{"numbers":[1,2]}')
  let replica: RunningStages | undefined
  let stopping: Promise<void> | undefined
  const stoppingStage: Stage = {
    ...add,
    apply(body, context) {
      stopping ??= Promise.resolve(replica?.[Symbol.asyncDispose]())
      return add.apply(body, context)
    },
  }
  replica = runStages(pipeline, [stoppingStage])
  await expect.poll(() => stopping !== undefined, wait).toBe(true)
  await stopping
  const { rows } = await pipeline.database.query('select count(*)::int as results from results')
  expect(rows).toEqual([{ results: 20 }])
  expect(await readTopic(pipeline.kafka, `${pipeline.config.TOPIC_PREFIX}stage2`, () => {})).toBe(20)
  const admin = pipeline.kafka.admin()
  await admin.connect()
  expect(await readBacklog(admin, routeOf(pipeline.config, 'add'))).toMatchObject([{ waiting: 0n }])
  await admin.disconnect()
})
