import type { Kafka } from 'kafkajs'
import { chunksOf } from './chunks.ts'
import type { KafkaSettings } from './kafka-settings.ts'
import {
  createRequests,
  isTooLarge,
  type Outgoing,
  type Receipt,
  type Requests,
  type Sending,
} from './requests.ts'

/** What is known, over all attempts to send some records, of those that need not be sent again. */
export type Settled = Map<Outgoing, Receipt | undefined>

export interface Sender {
  /**
   * Sends records, those of a partition in order, and returns once all replicas in sync have them. The receipt of a record
   * that the broker refuses for its size is undefined.
   * @param settled empty at the first attempt; to be given again with the same records at the next
   * @throws whatever else kafkajs throws: the records that are not settled may be there or not
   */
  send(topic: string, records: readonly Outgoing[], settled?: Settled): Promise<(Receipt | undefined)[]>
  close(): Promise<void>
}

export function createSender(
  kafka: Kafka,
  settings: KafkaSettings,
  around: Sending = (_, send) => send(),
): Sender {
  return senderBy(createRequests(kafka, settings, around), settings)
}

type Limits = Pick<KafkaSettings, 'maxRequestBytes' | 'deadlyRequestBytes'>

/** {@link createSender}, by requests of whatever kind. */
export function senderBy({ request, close }: Requests, limits: Limits): Sender {
  // Of a request for several partitions the broker may take some and refuse another, and kafkajs tells only of that one,
  // when it has tried a few times itself. So that the others are not sent again and again, each partition has requests of
  // its own: after a failure until all is well, and on a topic that refuses records for their size for good.
  const failing = new Set<string>()
  const failed = new WeakSet<Settled>()
  const refusing = new Set<string>()

  return {
    async send(topic, records, settled = new Map()) {
      const settle = async (some: readonly Outgoing[]): Promise<void> => {
        try {
          const receipts = await request(topic, some)
          for (const [index, record] of some.entries()) settled.set(record, receipts[index])
        } catch (error) {
          if (!isTooLarge(error)) throw error
          refusing.add(topic)
          // What is refused for its size is sent in smaller parts, so that only the record that is too large is left out.
          if (some.length === 1) for (const record of some) settled.set(record, undefined)
          else for (const part of partsOf(some)) await settle(part)
        }
      }
      const settleInTurn = async (some: readonly Outgoing[]) => {
        for (const chunk of chunksOf(some, sizeOf, limits.maxRequestBytes)) {
          // Only a record that is too large by itself makes a chunk of that size.
          const [first] = chunk
          const isDeadly = chunk.length === 1 && first && sizeOf(first) > limits.deadlyRequestBytes
          if (isDeadly) settled.set(first, undefined)
          else await settle(chunk)
        }
      }
      const left = records.filter((record) => !settled.has(record))
      // Whoever shares the topic may be well all the while.
      const isApart = failed.has(settled) || failing.has(topic) || refusing.has(topic)
      const lots = isApart ? partitionsOf(left) : [left]
      const outcomes = await Promise.allSettled(lots.map(settleInTurn))
      const failure = outcomes.find((outcome) => outcome.status === 'rejected')
      if (failure !== undefined) {
        failing.add(topic)
        failed.add(settled)
        throw failure.reason
      }
      if (left.length > 0) failing.delete(topic)
      return records.map((record) => settled.get(record))
    },
    close,
  }
}

const partitionsOf = (records: readonly Outgoing[]) => [
  ...Map.groupBy(records, ({ partition }) => partition).values(),
]

/** Its partitions, or of one partition its records. */
function partsOf(records: readonly Outgoing[]): readonly (readonly Outgoing[])[] {
  const partitions = partitionsOf(records)
  return partitions.length > 1 ? partitions : records.map((record) => [record])
}

/** The machinery's headers and the record's framing. */
const OVERHEAD_BYTES = 400

function sizeOf({ value, headers }: Outgoing): number {
  let bytes = OVERHEAD_BYTES + (value === null ? 0 : Buffer.byteLength(value))
  for (const name in headers) bytes += name.length + (headers[name]?.length ?? 0)
  return bytes
}
