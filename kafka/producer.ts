import type { ICustomPartitioner, IHeaders, Kafka, Producer, RecordMetadata as KafkajsMetadata } from 'kafkajs'
import { now } from '../telemetry/time.ts'
import type { KafkaSettings } from './settings.ts'
import { timeouts, within } from '../telemetry/timeouts.ts'

/** A record to be sent. */
export interface OutgoingRecord {
  /** The source partition: the record is sent to the partition of the same number, modulo the topic's count. */
  readonly partition: number
  readonly key: Buffer | null
  /** Text is sent as UTF-8. */
  readonly value: Buffer | string | null
  readonly headers: IHeaders
}

/** Where the broker appended a record, and when, in milliseconds since the epoch: the local time where it gives none. */
export interface RecordMetadata {
  readonly partition: number
  readonly offset: bigint
  readonly appendedAt: number
}

/** The progress of sending the same records, over all attempts. */
export interface SendProgress {
  /** Attempts begun. */
  attempts: number
  /** Undefined for a record that the broker refuses for its size. */
  readonly acknowledged: Map<OutgoingRecord, RecordMetadata | undefined>
}

export const noProgress = (): SendProgress => ({ attempts: 0, acknowledged: new Map() })

/** Wraps a produce request: `send` sends exactly these records and is to be called once. */
export type SendInterceptor = <T>(records: readonly OutgoingRecord[], send: () => Promise<T>) => Promise<T>

export interface Sender {
  /**
   * Sends records, those of a partition in order. Returns once all replicas in sync have them; undefined for a record that
   * the broker refuses for its size. The first attempt is one request for all partitions, which is fastest; later attempts
   * make a request for each partition, so that a partition that fails does not delay the others.
   * @param progress passed again with the same records at the next attempt: acknowledged records are not sent again
   * @throws any other error of kafkajs: records that are not acknowledged may be on the broker or not
   */
  send(topic: string, records: readonly OutgoingRecord[], progress?: SendProgress): Promise<(RecordMetadata | undefined)[]>
  close(): Promise<void>
}

/** Sends records and returns the metadata of each. */
type Request = (topic: string, records: readonly OutgoingRecord[]) => Promise<RecordMetadata[]>

export function createSender(kafka: Kafka, settings: KafkaSettings, intercept?: SendInterceptor): Sender {
  const producers = createProducers(kafka, settings, intercept)
  return { ...senderBy(producers.request, settings), close: producers.close }
}

type Limits = Pick<KafkaSettings, 'maxRequestBytes' | 'maxRequestBytesBeforeDisconnect'>

/** {@link createSender} with any function that makes a request. */
export function senderBy(request: Request, limits: Limits): Pick<Sender, 'send'> {
  return {
    async send(topic, records, progress = noProgress()) {
      const { acknowledged } = progress
      const sendChunk = async (chunk: readonly OutgoingRecord[]): Promise<void> => {
        const [first] = chunk
        if (first === undefined) return
        // Only a single record can make a chunk of that size.
        if (chunk.length === 1 && sizeOf(first) > limits.maxRequestBytesBeforeDisconnect) {
          acknowledged.set(first, undefined)
          return
        }
        try {
          const metadata = await request(topic, chunk)
          for (const [index, record] of chunk.entries()) acknowledged.set(record, metadata[index])
        } catch (error) {
          if (!isTooLarge(error)) throw error
          if (chunk.length === 1) acknowledged.set(first, undefined)
          // Halving leaves out only the record that is too large.
          const half = Math.ceil(chunk.length / 2)
          if (chunk.length > 1) await sendInOrder([chunk.slice(0, half), chunk.slice(half)])
        }
      }
      const sendInOrder = async (chunks: readonly (readonly OutgoingRecord[])[]) => {
        for (const chunk of chunks) await sendChunk(chunk)
      }
      const rest = records.filter((record) => !acknowledged.has(record))
      progress.attempts += 1
      const groups = progress.attempts === 1 ? [rest] : Map.groupBy(rest, ({ partition }) => partition).values()
      const sends = Array.from(groups, (group) => sendInOrder(chunksOf(group, sizeOf, limits.maxRequestBytes)))
      const settled = await within(timeouts.publish, 'Produce', Promise.allSettled(sends))
      const failure = settled.find(({ status }) => status === 'rejected')
      if (failure?.status === 'rejected') throw failure.reason
      return records.map((record) => acknowledged.get(record))
    },
  }
}

/** A producer and the number of its pending requests. */
interface ProducerHandle {
  readonly producer: Producer
  readonly connected: Promise<void>
  requests: number
}

function createProducers(kafka: Kafka, settings: KafkaSettings, intercept: SendInterceptor = (_, send) => send()) {
  // While a replica is missing the leader waits for it, and answers before the request counts as unanswered.
  const timeout = Math.round((settings.client.requestTimeout ?? 30_000) * 0.9)
  let current: ProducerHandle | undefined

  const open = (): ProducerHandle => {
    const producer = kafka.producer({ ...settings.producer, createPartitioner: keepPartition })
    return { producer, connected: producer.connect(), requests: 0 }
  }

  const request: Request = async (topic, records) => {
    const handle = (current ??= open())
    handle.requests += 1
    try {
      const messages = records.map((record) => ({ ...record }))
      const send = () => handle.producer.send({ topic, acks: -1, timeout, messages })
      const sent = handle.connected.then(() => intercept(messages, send))
      return metadataOf(await within(timeouts.produce, 'Produce', sent), messages)
    } catch (error) {
      // After any other error the state of the producer is unknown, so it is replaced.
      if (current === handle && !isTooLarge(error)) current = undefined
      throw error
    } finally {
      handle.requests -= 1
      // kafkajs would reconnect for a pending request, so the last one closes the producer. The close is not awaited, because
      // kafkajs waits for answers that may not come.
      if (current !== handle && handle.requests === 0) void disconnect(handle)
    }
  }

  return {
    request,
    async close() {
      const last = current
      current = undefined
      if (last?.requests === 0) await disconnect(last)
    },
  }
}

/** A producer that fails to close is abandoned: nothing is sent by it any more. */
async function disconnect({ producer, connected }: ProducerHandle): Promise<void> {
  await connected.then(() => producer.disconnect()).catch(() => undefined)
}

/** A record keeps the number of its partition, so the order within a partition holds from end to end. */
const keepPartition: ICustomPartitioner =
  () =>
  ({ message, partitionMetadata }) =>
    (message.partition = (message.partition ?? 0) % partitionMetadata.length)

/**
 * The broker answers with the offset of the first record of each partition; those of the others follow.
 * @throws when the answer lacks a partition: kafkajs does not send to a broker that has answered once, also when the partition
 *   has moved to it since, and drops its records without an error
 */
export function metadataOf(
  answers: readonly KafkajsMetadata[],
  records: readonly Pick<OutgoingRecord, 'partition'>[],
): RecordMetadata[] {
  const acknowledgedAt = now()
  const next = new Map(
    answers.map(({ partition, baseOffset, logAppendTime }) => {
      const appendedAt = Number(logAppendTime) > 0 ? Number(logAppendTime) : acknowledgedAt
      return [partition, { partition, offset: BigInt(baseOffset ?? -1), appendedAt }]
    }),
  )
  return records.map(({ partition }) => {
    const metadata = next.get(partition)
    if (metadata === undefined) throw new Error(`Kafka did not say what became of partition ${partition}`)
    next.set(partition, { ...metadata, offset: metadata.offset + 1n })
    return metadata
  })
}

/** The record is larger than its topic, or a segment of it, allows. */
const tooLarge = new Set<unknown>(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'])

function isTooLarge(error: unknown): boolean {
  return error instanceof Error && 'type' in error && tooLarge.has(error.type)
}

/** Splits a list, in order, into chunks of at most 1,000 items and `maxBytes`; a larger item makes a chunk of its own. */
export function chunksOf<T>(items: readonly T[], sizeOfItem: (item: T) => number, maxBytes: number): T[][] {
  const chunks: T[][] = []
  let bytes = 0
  for (const item of items) {
    const [size, chunk] = [sizeOfItem(item), chunks.at(-1)]
    bytes += size
    if (chunk !== undefined && chunk.length < MAX_ITEMS && bytes <= maxBytes) {
      chunk.push(item)
    } else {
      chunks.push([item])
      bytes = size
    }
  }
  return chunks
}

const MAX_ITEMS = 1000

/** Room for the pipeline's own headers and the record's framing. */
const OVERHEAD_BYTES = 400

/** Bytes of a record in a request: an upper bound. */
function sizeOf({ key, value, headers }: OutgoingRecord): number {
  let bytes = OVERHEAD_BYTES + bytesOf(key) + bytesOf(value)
  for (const name in headers) {
    const values = headers[name]
    for (const one of Array.isArray(values) ? values : [values]) bytes += bytesOf(name) + bytesOf(one) + 8
  }
  return bytes
}

const bytesOf = (value: Buffer | string | null | undefined) => (value ? Buffer.byteLength(value) : 0)
