import type { ICustomPartitioner, IHeaders, Kafka, Producer, RecordMetadata } from 'kafkajs'
import { chunksOf } from './chunks.ts'
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

export interface Sender {
  /**
   * Sends records, those of a partition in order, and returns once all replicas in sync have them. The receipt of a record
   * that the broker refuses for its size is undefined.
   * @throws whatever else kafkajs throws: the records may be there or not
   */
  send(topic: string, records: readonly Outgoing[]): Promise<(Receipt | undefined)[]>
  close(): Promise<void>
}

/** What is around a request: it sends exactly these records, by calling `send` once. */
export type Sending = <T>(records: readonly Outgoing[], send: () => Promise<T>) => Promise<T>

/** A producer and how many sends it has under way. */
interface Line {
  readonly producer: Producer
  readonly connected: Promise<void>
  sends: number
}

export function createSender(
  kafka: Kafka,
  settings: KafkaSettings,
  around: Sending = (_, send) => send(),
): Sender {
  let line: Line | undefined

  const open = (): Line => {
    const producer = kafka.producer({ ...settings.producer, createPartitioner: keepPartition })
    return { producer, connected: producer.connect(), sends: 0 }
  }

  const sendOnce = async (topic: string, records: readonly Outgoing[]) => {
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
    async send(topic, records) {
      const receipts: (Receipt | undefined)[] = []
      for (const chunk of chunksOf(records, sizeOf, settings.maxRequestBytes)) {
        // Only a record that is too large by itself makes a chunk of this size.
        const isDeadly = chunk.some((record) => sizeOf(record) > settings.deadlyRequestBytes)
        receipts.push(...(isDeadly ? [undefined] : await singlingOut(chunk, (some) => sendOnce(topic, some))))
      }
      return receipts
    },
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

type Send = (records: readonly Outgoing[]) => Promise<(Receipt | undefined)[]>

/** A batch that is refused for its size is sent one by one, so that only the record that is too large is left out. */
async function singlingOut(records: readonly Outgoing[], send: Send): Promise<(Receipt | undefined)[]> {
  try {
    return await send(records)
  } catch (error) {
    if (!isTooLarge(error)) throw error
    if (records.length === 1) return [undefined]
    const receipts: (Receipt | undefined)[] = []
    for (const record of records) receipts.push(...(await singlingOut([record], send)))
    return receipts
  }
}

/** A record stays on its partition, so the order within one holds from end to end. It is told where it went. */
const keepPartition: ICustomPartitioner =
  () =>
  ({ message, partitionMetadata }) =>
    (message.partition = (message.partition ?? 0) % partitionMetadata.length)

/** The broker says of each partition where the first record is; the others are behind it. */
function receiptsOf(metadata: readonly RecordMetadata[], messages: readonly Outgoing[]): Receipt[] {
  const acknowledgedAt = now()
  const next = new Map(
    metadata.map(({ partition, baseOffset = '-1', logAppendTime = '-1' }) => [
      partition,
      {
        partition,
        offset: BigInt(baseOffset),
        appendedAt: Math.max(0, Number(logAppendTime)) || acknowledgedAt,
      },
    ]),
  )
  return messages.map(({ partition }) => {
    const receipt = next.get(partition) ?? { partition, offset: -1n, appendedAt: acknowledgedAt }
    next.set(partition, { ...receipt, offset: receipt.offset + 1n })
    return receipt
  })
}

/** The machinery's headers and the record's framing. */
const OVERHEAD_BYTES = 400

function sizeOf({ value, headers }: Outgoing): number {
  let bytes = OVERHEAD_BYTES + (value === null ? 0 : Buffer.byteLength(value))
  for (const name in headers) bytes += name.length + (headers[name]?.length ?? 0)
  return bytes
}

/** For its topic, or for a segment of it. */
const tooLarge = new Set<unknown>(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'])

function isTooLarge(error: unknown): boolean {
  return error instanceof Error && 'type' in error && tooLarge.has(error.type)
}
