import { readConfig } from '../../pipeline/config.ts'
import { kafkaSettings } from '../../kafka/settings.ts'
import { createKafka } from '../../kafka/client.ts'
import { createLog } from '../../telemetry/log.ts'
import { newMessageId } from '../../pipeline/message.ts'

/**
 * Posts a message on each of the four partitions of `start`, and says how many that were. With ids: what a producer
 * sends again after an outage is a copy.
 */
export async function postToStart(env: Readonly<Record<string, string>>): Promise<number> {
  const kafka = createKafka(kafkaSettings(readConfig(env), 'hand'), createLog('silent', {}))
  const producer = kafka.producer()
  await producer.connect()
  const messages = [0, 1, 2, 3].map((partition) => ({
    value: '{"numbers":[1,2]}',
    headers: { 'message-id': newMessageId() },
    partition,
  }))
  await producer.send({ topic: 'start', messages })
  await producer.disconnect()
  return messages.length
}
