import type { Producer } from 'kafkajs'
import { createKafka } from '../kafka/client.ts'
import { kafkaSettings } from '../kafka/settings.ts'
import { createLog } from '../telemetry/log.ts'
import { newMessageId } from '../pipeline/message.ts'
import { finish } from '../stages/index.ts'
import { rawBody } from './raw-insert.ts'
import type { Trial } from './trial.ts'

/** Records of one request. */
const BATCH = 1000
/** Sent elsewhere before the clock starts: connections are open then, and code is compiled. */
const WARM_UP = 20_000

interface Request {
  readonly partition: number
  readonly messages: { value: string; partition: number; headers: Record<string, string> }[]
}

/**
 * Sends records of the size of messages to a topic, all partitions side by side, acknowledged as the pipeline wants it.
 * Returns how many a second. They are made before the clock starts.
 */
export async function rawProduce({ config }: Trial, topic: string, records: number): Promise<number> {
  const settings = kafkaSettings(config, 'bench')
  const producer = createKafka(settings, createLog('silent', {})).producer(settings.producer)
  const lines = (count: number) =>
    Map.groupBy(requests(count, config.TOPIC_PARTITIONS), ({ partition }) => partition)
      .values()
      .toArray()
  const send = (to: string, all: Request[][]) =>
    Promise.all(all.map((line) => sendInTurn(producer, config.TOPIC_PREFIX + to, line)))
  const all = lines(records)
  await producer.connect()
  try {
    await send(finish, lines(WARM_UP))
    const begun = performance.now()
    await send(topic, all)
    return records / ((performance.now() - begun) / 1000)
  } finally {
    await producer.disconnect()
  }
}

function requests(records: number, partitions: number): Request[] {
  return Array.from({ length: Math.ceil(records / BATCH) }, (_, index) => {
    const partition = index % partitions
    const messages = Array.from({ length: Math.min(BATCH, records - index * BATCH) }, () => ({
      value: rawBody,
      headers: { 'message-id': newMessageId(), attempt: '1', 'sent-at': Date.now().toFixed(3) },
      partition,
    }))
    return { partition, messages }
  })
}

async function sendInTurn(producer: Producer, topic: string, line: readonly Request[]): Promise<void> {
  for (const { messages } of line) await producer.send({ topic, acks: -1, messages })
}
