import { connect } from 'node:net'
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { kafkaSettings } from '../kafka/settings.ts'
import { createKafka, loadKafkajs, type ISocketFactory, type PartitionAssigner } from '../kafka/client.ts'
import { startFaultyProxy } from './support/processes/faulty-proxy.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { startProbed } from './support/processes/probed-process.ts'

let pipeline: FreshPipeline
beforeAll(async () => {
  pipeline = await freshPipeline()
})
afterAll(() => pipeline[Symbol.asyncDispose]())

/** A partition assigner that no stage knows: the broker rejects a member with another protocol. */
const foreignAssigner: PartitionAssigner = () => ({
  name: 'foreign',
  version: 1,
  assign: () => Promise.resolve([]),
  protocol: ({ topics }) => ({
    name: 'foreign',
    metadata: loadKafkajs().AssignerProtocol.MemberMetadata.encode({
      version: 1,
      topics,
      userData: Buffer.alloc(0),
    }),
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
  await using add = await startProbed(['run', 'add'], pipeline.env)
  expect(await add.exited).toEqual({ code: 1, signal: null })
  expect(add.logged(/add cannot continue/)).toHaveLength(1)
  await foreign.disconnect()
})

test('a connection that breaks while the coordinator is looked for does not make kafkajs give up', async () => {
  await using proxy = await startFaultyProxy(Number(inject('kafka').split(':')[1]))
  const settings = kafkaSettings(pipeline.config, 'test')
  const socketFactory: ISocketFactory = ({ onConnect }) => connect(proxy.port, '127.0.0.1', onConnect)
  const kafka = createKafka({ ...settings, client: { ...settings.client, socketFactory } }, pipeline.log)
  const consumer = kafka.consumer({
    ...settings.consumer,
    groupId: `${pipeline.config.TOPIC_PREFIX}multiply`,
  })
  const givenUp = vi.fn<() => void>()
  consumer.on('consumer.crash', ({ payload }) => void (payload.restart || givenUp()))
  const joined = new Promise((resolve) => consumer.on('consumer.group_join', resolve))
  await consumer.connect()
  await consumer.subscribe({ topic: `${pipeline.config.TOPIC_PREFIX}stage2` })
  proxy.breaksOnFindCoordinator = true
  const before = proxy.connections
  const running = consumer.run({ eachMessage: () => Promise.resolve() })
  await expect.poll(() => proxy.connections).toBeGreaterThan(before)
  proxy.breaksOnFindCoordinator = false
  await Promise.all([running, joined])
  expect(givenUp).not.toHaveBeenCalled()
  await consumer.disconnect()
})
