import { Command } from 'commander'
import type { EachBatchPayload } from 'kafkajs'
import { readConfig } from '../pipeline/config.ts'
import { openDatabase } from '../sql/database.ts'
import { kafkaSettings } from '../kafka/settings.ts'
import { createKafka } from '../kafka/client.ts'
import { createLog } from '../telemetry/log.ts'
import { rawInsert } from './raw-insert.ts'

/**
 * A process that does what every stage has to do at least: takes batches, sends their records on as they are, waits for
 * the acknowledgement, commits. With --rows it also inserts a row for each record first. It prints "ready" when it has its
 * partitions and, after so many records, when the first began and the last was done, in milliseconds since the epoch, and
 * the microseconds of processor time in between; then it ends.
 */
const program = new Command('bare-hop')
  .argument('<from>', 'topic')
  .argument('<to>', 'topic')
  .requiredOption('--records <n>', '', Number)
  .option('--rows')
  .parse()
const [from = '', to = ''] = program.args
const { records, rows } = program.opts<{ records: number; rows?: true }>()

const config = readConfig()
const settings = kafkaSettings(config, 'bench')
const kafka = createKafka(settings, createLog('silent', {}))
const consumer = kafka.consumer({ ...settings.consumer, groupId: `bare-${from}` })
const producer = kafka.producer(settings.producer)
const database = openDatabase(config, 4, () => {})
const done = Promise.withResolvers<void>()
const clock = () => performance.timeOrigin + performance.now()
let [count, begunAt, usedBefore] = [0, 0, process.cpuUsage()]

async function passOn({ batch, resolveOffset, commitOffsetsIfNecessary }: EachBatchPayload): Promise<void> {
  const { topic, partition, messages } = batch
  if (begunAt === 0) [begunAt, usedBefore] = [clock(), process.cpuUsage()]
  if (rows) {
    const own = messages.map(({ headers, offset, value }) => ({
      id: String(headers?.['message-id']),
      offset,
      body: String(value),
    }))
    await database.query(rawInsert(from, partition, own))
  }
  const outgoing = messages.map(({ value, headers }) => ({ value, headers: headers ?? {}, partition }))
  await producer.send({ topic: config.TOPIC_PREFIX + to, acks: -1, messages: outgoing })
  const offset = String(BigInt(batch.lastOffset()) + 1n)
  await commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset }] }] })
  resolveOffset(batch.lastOffset())
  count += messages.length
  if (count >= records) done.resolve()
}

await Promise.all([producer.connect(), consumer.connect()])
await consumer.subscribe({ topic: config.TOPIC_PREFIX + from, fromBeginning: true })
consumer.on('consumer.group_join', () => void process.stdout.write('ready\n'))
await consumer.run({
  autoCommit: false,
  eachBatchAutoResolve: false,
  partitionsConsumedConcurrently: 4,
  eachBatch: passOn,
})
await done.promise
const [endedAt, { user, system }] = [clock(), process.cpuUsage(usedBefore)]
await Promise.all([producer.disconnect(), consumer.disconnect(), database.end()])
process.stdout.write(`${JSON.stringify({ begunAt, endedAt, cpu: user + system })}\n`)
