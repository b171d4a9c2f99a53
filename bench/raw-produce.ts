import type { Producer } from 'kafkajs'
import { createKafka } from '../pipeline/kafka.ts'
import { kafkaSettings } from '../pipeline/kafka-settings.ts'
import { createLog } from '../pipeline/log.ts'
import { newMessageId } from '../pipeline/message.ts'
import { randomNumbers } from '../stages/random-numbers.ts'
import type { Trial } from './trial.ts'

/** Records of one request. */
const BATCH = 1000

const ranges = { countMin: 12, countMax: 12, min: 1000, max: 100_000, decimals: 0 }

/**
 * Sends records of the size of messages to a topic, all partitions side by side, acknowledged as the pipeline wants it.
 * Returns how many a second. They are made before the clock starts.
 */
export async function rawProduce({ config }: Trial, topic: string, records: number): Promise<number> {
  const settings = kafkaSettings(config, 'bench')
  const producer = createKafka(settings, createLog('silent', {})).producer(settings.producer)
  const batches = Array.from({ length: Math.ceil(records / BATCH) }, (_, index) =>
    Array.from({ length: Math.min(BATCH, records - index * BATCH) }, () => ({
      value: randomNumbers(Math.random, ranges),
      headers: { 'message-id': newMessageId(), attempt: '1', 'sent-at': Date.now().toFixed(3) },
      partition: index % config.TOPIC_PARTITIONS,
    })),
  )
  await producer.connect()
  try {
    const begun = performance.now()
    const lines = Array.from({ length: config.TOPIC_PARTITIONS }, (_, partition) =>
      sendInTurn(
        producer,
        config.TOPIC_PREFIX + topic,
        batches.filter(([first]) => first?.partition === partition),
      ),
    )
    await Promise.all(lines)
    return records / ((performance.now() - begun) / 1000)
  } finally {
    await producer.disconnect()
  }
}

async function sendInTurn(
  producer: Producer,
  topic: string,
  batches: readonly { value: string; partition: number; headers: Record<string, string> }[][],
): Promise<void> {
  for (const messages of batches) await producer.send({ topic, acks: -1, messages })
}
