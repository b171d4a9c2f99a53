import { createKafka, type EachBatchPayload } from '../kafka/client.ts'
import { kafkaSettings } from '../kafka/settings.ts'
import { readConfig } from '../pipeline/config.ts'
import { int8s, texts, timestamps, uuids } from '../sql/binary-array.ts'
import { openDatabase } from '../sql/database.ts'
import { createLog } from '../telemetry/log.ts'

/** When a hop began its first batch and was done with its last, in milliseconds since the epoch, and its CPU time in us. */
export interface HopTimes {
  readonly begunAt: number
  readonly endedAt: number
  readonly cpu: number
}

/** The insert of a batch: parameters of the same kinds as the pipeline's, without conflicts and counters. */
function insertOf(stage: string, { partition, messages }: EachBatchPayload['batch']) {
  const now = timestamps(messages.map(() => Date.now()))
  const ids = uuids(messages.map(({ headers }) => String(headers?.['message-id'])))
  const offsets = int8s(messages.map(({ offset }) => offset))
  const bodies = texts(messages.map(({ value }) => String(value)))
  return { name: 'bare-insert', text: insert, values: [stage, partition, ids, offsets, bodies, now, now, now, now, now] }
}

const insert = `
insert into results (message_id, attempt, stage, result, body, partition, "offset", entered_at,
  previous_sent_at, queued_at, started_at, computed_at)
select message_id, 1, $1, '1', body, $2, "offset", entered, sent, queued, started, computed
from unnest($3::uuid[], $4::int8[], $5::text[],
  $6::timestamptz[], $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::timestamptz[])
  as t (message_id, "offset", body, entered, sent, queued, started, computed)`

/**
 * The least that a stage has to do, as a process: `bare-hop.ts FROM TO RECORDS [rows]` consumes batches of the topic FROM,
 * inserts their rows if asked to, sends the records to TO as they are, waits for the acknowledgement and commits. It prints
 * "ready" when it has its partitions, and {@link HopTimes} as JSON after so many records; then it ends.
 */
async function hop(from: string, to: string, records: number, withRows: boolean): Promise<void> {
  const config = readConfig()
  const settings = kafkaSettings(config, 'bench')
  const kafka = createKafka(settings, createLog('silent', {}))
  const consumer = kafka.consumer({ ...settings.consumer, groupId: `bare-${from}` })
  const producer = kafka.producer(settings.producer)
  const database = openDatabase(config, 4)
  const done = Promise.withResolvers<void>()
  let [count, begunAt, usageBefore] = [0, 0, process.cpuUsage()]
  await Promise.all([producer.connect(), consumer.connect()])
  await consumer.subscribe({ topic: config.TOPIC_PREFIX + from, fromBeginning: true })
  consumer.on('consumer.group_join', () => void process.stdout.write('ready\n'))
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: 4,
    async eachBatch({ batch, resolveOffset, commitOffsetsIfNecessary }) {
      const { topic, partition, messages } = batch
      if (begunAt === 0) [begunAt, usageBefore] = [Date.now(), process.cpuUsage()]
      if (withRows) await database.query(insertOf(from, batch))
      const outgoing = messages.map(({ value, headers }) => ({ value, headers: headers ?? {}, partition }))
      await producer.send({ topic: config.TOPIC_PREFIX + to, acks: -1, messages: outgoing })
      const offset = String(BigInt(batch.lastOffset()) + 1n)
      await commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset }] }] })
      resolveOffset(batch.lastOffset())
      count += messages.length
      if (count >= records) done.resolve()
    },
  })
  await done.promise
  const [endedAt, { user, system }] = [Date.now(), process.cpuUsage(usageBefore)]
  await Promise.all([producer.disconnect(), consumer.disconnect(), database.end()])
  const times: HopTimes = { begunAt, endedAt, cpu: user + system }
  process.stdout.write(`${JSON.stringify(times)}\n`)
}

if (import.meta.main) {
  const [from = '', to = '', records, rows] = process.argv.slice(2)
  await hop(from, to, Number(records), rows === 'rows')
}
