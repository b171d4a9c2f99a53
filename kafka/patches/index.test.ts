import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { childEnvironment } from '../../pipeline/config.ts'
import { requireVersion } from './index.ts'

const run = promisify(execFile)

/** Runs code in a process of its own, in which kafkajs is not loaded yet. */
async function evaluate(code: string, env: Record<string, string> = {}): Promise<string> {
  const head = `
    import { createRequire } from 'node:module'
    import { patchKafkajs } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)}
    const require = createRequire(${JSON.stringify(import.meta.url)})
    const original = (name) => require('node:fs').readFileSync(require.resolve(name), 'utf8')
    const isPatched = (name) => !original(name).includes(require(name).toString())`
  const options = { env: childEnvironment({ KAFKA_FAST_PATCHES: '', ...env }) }
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', `${head}\n${code}`], options)
  return stdout.trim()
}

const replaced = `
  const names = ['producer/groupMessagesPerPartition', 'protocol/requests/produce/v3/request', 'protocol/request',
    'protocol/recordBatch/v0/decoder', 'protocol/recordBatch/record/v0/decoder'].map((name) => 'kafkajs/src/' + name)
  patchKafkajs()
  patchKafkajs()
  const queue = require('kafkajs/src/network/requestQueue').prototype.scheduleCheckPendingRequests
  const prototypes = {
    connection: ['network/connection', 'connect'], disconnect: ['network/connection', 'disconnect'], requests: ['network/requestQueue', 'scheduleRequestTimeoutCheck'],
    heartbeat: ['consumer/consumerGroup', 'heartbeat'], commit: ['consumer/consumerGroup', 'commitOffsets'], join: ['consumer/consumerGroup', 'joinAndSync'], locks: ['utils/lock', 'acquire'],
    brokers: ['cluster/brokerPool', 'withBroker'], offsets: ['cluster', 'fetchTopicsOffset'] }
  const failover = Object.entries(prototypes).filter(([, [module, method]]) =>
    !original('kafkajs/src/' + module).includes(require('kafkajs/src/' + module).prototype[method].toString()))
  const { Types, Codecs } = require('kafkajs').CompressionTypes && require('kafkajs/src/protocol/message/compression')
  console.log(JSON.stringify({
    modules: names.map(isPatched),
    queue: queue.name === 'schedule',
    failover: failover.map(([name]) => name),
    zstd: Codecs[Types.ZSTD] !== undefined && typeof Codecs[Types.ZSTD]().decompress,
  }))`

const failover = ['connection', 'disconnect', 'requests', 'heartbeat', 'commit', 'join', 'locks', 'brokers', 'offsets']

test('every patch is in place before kafkajs is loaded', async () => {
  expect(JSON.parse(await evaluate(replaced))).toEqual({
    modules: [true, true, true, true, true],
    queue: true,
    failover,
    zstd: 'function',
  })
})

test('KAFKA_FAST_PATCHES=off leaves out those that only make it faster, and keeps the fixes', async () => {
  expect(JSON.parse(await evaluate(replaced, { KAFKA_FAST_PATCHES: 'off' }))).toEqual({
    modules: [false, false, false, true, true],
    queue: false,
    failover,
    zstd: 'function',
  })
})

test.each(['', 'off'])('KAFKA_FAST_PATCHES=%s: a batch that is shorter than its head is refused', async (fast) => {
  const code = `
    patchKafkajs()
    const decode = require('kafkajs/src/protocol/recordBatch/v0/decoder')
    const Decoder = require('kafkajs/src/protocol/decoder')
    await new Promise((resolve) => resolve(decode(new Decoder(Buffer.alloc(61))))).catch((error) => console.log(error.message))`
  expect(await evaluate(code, { KAFKA_FAST_PATCHES: fast })).toContain('is damaged')
})

test('kafkajs that was loaded before its patches is an error that says what to do', async () => {
  const code = `
    require('kafkajs')
    try { patchKafkajs() } catch (error) { console.log(error.message) }`
  expect(await evaluate(code)).toMatch(/loaded before its patch: load kafkajs only by loadKafkajs/)
})

test('another version of kafkajs is refused', () => {
  expect(() => requireVersion('2.2.4')).not.toThrow()
  expect(() => requireVersion('2.2.5')).toThrow('kafka/patches is made for kafkajs 2.2.4, and 2.2.5 is installed')
})
