import type { ICustomPartitioner, IHeaders, Kafka, Producer, RecordMetadata } from 'kafkajs'
import { now } from './clock.ts'
import type { KafkaSettings } from './kafka-settings.ts'

/** One record on its way out. */
export interface Outgoing {
  /** The partition it comes from; it goes to the one with this number, modulo the topic's count. */
  readonly partition: number
  readonly key: Buffer | null
  /** Text is sent as UTF-8. */
  readonly value: Buffer | string | null
  readonly headers: IHeaders
}

/** Where the broker put a record, and when: its append time, or our clock where the broker gives none. */
export interface Receipt {
  readonly partition: number
  readonly offset: bigint
  readonly appendedAt: number
}

/** What is around a request: it sends exactly these records, by calling `send` once. */
export type Sending = <T>(records: readonly Outgoing[], send: () => Promise<T>) => Promise<T>

export interface Requests {
  /**
   * One request; returns once all replicas in sync have the records.
   * @throws what kafkajs throws: the records may be there or not, and some there and others not
   */
  request(topic: string, records: readonly Outgoing[]): Promise<Receipt[]>
  close(): Promise<void>
}

/** A producer and how many sends it has under way. */
interface Line {
  readonly producer: Producer
  readonly connected: Promise<void>
  sends: number
}

export function createRequests(kafka: Kafka, settings: KafkaSettings, around: Sending): Requests {
  let line: Line | undefined

  const open = (): Line => {
    const producer = kafka.producer({ ...settings.producer, createPartitioner: keepPartition })
    return { producer, connected: producer.connect(), sends: 0 }
  }

  const request = async (topic: string, records: readonly Outgoing[]) => {
    const mine = (line ??= open())
    mine.sends += 1
    try {
      await mine.connected
      const messages = records.map((record) => ({ ...record }))
      const metadata = await around(messages, () => mine.producer.send({ topic, acks: -1, messages }))
      return receiptsOf(metadata, messages)
    } catch (error) {
      // After a rejected send nobody knows what the producer believes: it is replaced. A record's size says nothing of it.
      if (line === mine && !isTooLarge(error)) line = undefined
      throw error
    } finally {
      mine.sends -= 1
      // kafkajs would open it again for a send that is still under way: the last one closes it.
      if (line !== mine && mine.sends === 0) await disconnect(mine)
    }
  }

  return {
    request,
    async close() {
      const last = line
      line = undefined
      if (last?.sends === 0) await disconnect(last)
    },
  }
}

/** A producer that will not close is left alone: nothing is sent by it any more. */
async function disconnect({ producer, connected }: Line): Promise<void> {
  await connected.then(() => producer.disconnect()).catch(() => undefined)
}

/** A record stays on its partition, so the order within one holds from end to end. It is told where it went. */
const keepPartition: ICustomPartitioner =
  () =>
  ({ message, partitionMetadata }) =>
    (message.partition = (message.partition ?? 0) % partitionMetadata.length)

/**
 * The broker says of each partition where the first record is; the others are behind it.
 * @throws when it says nothing of a partition: kafkajs does not ask a broker again that has answered once, also when a
 *   partition has moved there since, and would leave its records out
 */
export function receiptsOf(
  metadata: readonly RecordMetadata[],
  records: readonly Pick<Outgoing, 'partition'>[],
): Receipt[] {
  const acknowledgedAt = now()
  const next = new Map(metadata.map((answer) => [answer.partition, firstReceipt(answer, acknowledgedAt)]))
  return records.map(({ partition }) => {
    const receipt = next.get(partition)
    if (receipt === undefined) throw new Error(`Kafka did not say what became of partition ${partition}`)
    next.set(partition, { ...receipt, offset: receipt.offset + 1n })
    return receipt
  })
}

function firstReceipt(
  { partition, baseOffset, logAppendTime }: RecordMetadata,
  acknowledgedAt: number,
): Receipt {
  const appendedAt = Number(logAppendTime) > 0 ? Number(logAppendTime) : acknowledgedAt
  return { partition, offset: BigInt(baseOffset ?? -1), appendedAt }
}

/** For its topic, or for a segment of it. */
const tooLarge = new Set<unknown>(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'])

export function isTooLarge(error: unknown): boolean {
  return error instanceof Error && 'type' in error && tooLarge.has(error.type)
}
