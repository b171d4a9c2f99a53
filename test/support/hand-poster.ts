import { setTimeout as sleep } from 'node:timers/promises'
import { createKafka } from '../../kafka/client.ts'
import { kafkaSettings } from '../../kafka/settings.ts'
import { createLog } from '../../telemetry/log.ts'
import type { Config } from '../../pipeline/config.ts'
import { handMade } from './hand-made-messages.ts'

export interface Posting {
  readonly config: Config
  readonly random: () => number
  /** Posts a second, about. */
  readonly rate: number
  readonly signal: AbortSignal
}

/**
 * Somebody who posts records by hand, some of them bad, until the signal. What a broker does not take is given up, as a
 * person would, and may be there all the same: what has entered is what the topics hold.
 */
export async function postByHand({ config, random, rate, signal }: Posting): Promise<void> {
  const kafka = createKafka(kafkaSettings(config, 'hand'), createLog('silent', {}))
  while (!signal.aborted) {
    const producer = kafka.producer({ retry: { retries: 1 } })
    try {
      await producer.connect()
      while (!signal.aborted) {
        for (const { topic, value, headers } of handMade(random)) {
          const partition = Math.floor(random() * config.TOPIC_PARTITIONS)
          await producer.send({ topic, messages: [{ value, headers, partition }] })
        }
        await sleep((2 * random() * 1000) / rate)
      }
    } catch {
      await sleep(500)
    } finally {
      await producer.disconnect().catch(() => undefined)
    }
  }
}
