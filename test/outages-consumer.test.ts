import { AssignerProtocol, type PartitionAssigner } from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freshPipeline, type FreshPipeline } from './fresh-pipeline.ts'
import { watchProcess } from './watched-process.ts'

let pipeline: FreshPipeline
beforeAll(async () => {
  pipeline = await freshPipeline()
})
afterAll(() => pipeline[Symbol.asyncDispose]())

/** A way to share partitions that no stage knows: the broker takes nobody with another one into the same group. */
const foreignAssigner: PartitionAssigner = () => ({
  name: 'foreign',
  version: 1,
  assign: () => Promise.resolve([]),
  protocol: ({ topics }) => ({
    name: 'foreign',
    metadata: AssignerProtocol.MemberMetadata.encode({ version: 1, topics, userData: Buffer.alloc(0) }),
  }),
})

test('a consumer that kafkajs gives up ends the process with a code that makes a supervisor start it again', async () => {
  const prefix = pipeline.config.TOPIC_PREFIX
  const foreign = pipeline.kafka.consumer({ groupId: `${prefix}add`, partitionAssigners: [foreignAssigner] })
  const joined = new Promise((resolve) => foreign.on('consumer.group_join', resolve))
  await foreign.connect()
  await foreign.subscribe({ topic: `${prefix}start` })
  await foreign.run({ eachMessage: () => Promise.resolve() })
  await joined
  await using add = await watchProcess(['run', 'add'], pipeline.env)
  expect(await add.exited).toEqual({ code: 1, signal: null })
  expect(add.said(/add cannot go on/)).toBe(1)
  await foreign.disconnect()
})
