import { AssignerProtocol, type ISocketFactory, type PartitionAssigner } from 'kafkajs'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { kafkaSettings } from '../kafka/settings.ts'
import { createKafka } from '../kafka/client.ts'
import { startBadWay } from './support/bad-way.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { watchProcess } from './support/watched-process.ts'

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
  expect(add.said(/add cannot go on/)).toHaveLength(1)
  await foreign.disconnect()
})

test('a connection that breaks while the coordinator is looked for does not make kafkajs give up', async () => {
  await using way = await startBadWay(Number(inject('kafka').split(':')[1]))
  const settings = kafkaSettings(pipeline.config, 'test')
  const socketFactory: ISocketFactory = ({ onConnect }) => connect(way.port, '127.0.0.1', onConnect)
  const kafka = createKafka({ ...settings, client: { ...settings.client, socketFactory } }, pipeline.log)
  const consumer = kafka.consumer({
    ...settings.consumer,
    groupId: `${pipeline.config.TOPIC_PREFIX}multiply`,
  })
  const crash = new Promise<boolean>((resolve) =>
    consumer.on('consumer.crash', ({ payload }) => resolve(payload.restart)),
  )
  const joined = new Promise((resolve) => consumer.on('consumer.group_join', resolve))
  await consumer.connect()
  await consumer.subscribe({ topic: `${pipeline.config.TOPIC_PREFIX}stage2` })
  way.isHangingUp = true
  await consumer.run({ eachMessage: () => Promise.resolve() })
  expect(await crash).toBe(true)
  way.isHangingUp = false
  await joined
  await consumer.disconnect()
})
