import { createRequire } from 'node:module'
import { decodeRecordBatch, endOfBatch } from './decode-record-batch.ts'
import { encodeProduceRequest, isPlain, type ProduceRequest } from './encode-produce-request.ts'
import type { DecodeBatch } from './fixes.ts'

const require = createRequire(import.meta.url)

interface Grouping {
  readonly topic: string
  readonly partitionMetadata: unknown
  readonly messages: readonly unknown[]
  readonly partitioner: (about: unknown) => number
}

/** The original copies all messages of a partition for each one that it adds. */
export function groupByPartition({ messages, partitioner, ...rest }: Grouping): Record<number, unknown[]> {
  const groups: Record<number, unknown[]> = {}
  for (const message of messages) (groups[partitioner({ ...rest, message })] ??= []).push(message)
  return groups
}

/** What kafkajs reads of an encoder. */
interface Encoded {
  readonly buffer: Buffer
}

type MakeRequest = (produce: ProduceRequest) => object

/** The original makes a buffer for each number, header and record, and copies each five times. */
export const encodeAtOnce = (original: MakeRequest) => (produce: ProduceRequest) => {
  const request = original(produce)
  const encode = () => Promise.resolve<Encoded>({ buffer: encodeProduceRequest(produce) })
  return isPlain(produce) ? { ...request, encode } : request
}

interface Request {
  readonly correlationId: number
  readonly clientId: string
  readonly request: {
    readonly apiKey: number
    readonly apiVersion: number
    readonly encode: () => Promise<Encoded>
  }
}

/** The original copies the body twice, each time into a buffer of up to twice its size. */
export async function encodeRequest({ correlationId, clientId, request }: Request): Promise<Encoded> {
  const { buffer: body } = await request.encode()
  const client = Buffer.from(clientId)
  const head = Buffer.allocUnsafe(14)
  head.writeInt32BE(10 + client.length + body.length)
  head.writeInt16BE(request.apiKey, 4)
  head.writeInt16BE(request.apiVersion, 6)
  head.writeInt32BE(correlationId, 8)
  head.writeInt16BE(client.length, 12)
  return { buffer: Buffer.concat([head, client, body]) }
}

/** The original makes a decoder for each record and a new object for each header. It still decodes compressed or partial batches. */
export const decodeInPlace = (original: DecodeBatch) => (decoder: Parameters<DecodeBatch>[0]) => {
  const { buffer, offset } = decoder
  const end = endOfBatch(buffer, offset)
  if (end === undefined) return original(decoder)
  decoder.offset = end
  return Promise.resolve({ records: decodeRecordBatch(buffer, offset, end) })
}

interface RequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests(): void
}

/**
 * Each connection of kafkajs has a timer that checks its queue of requests every millisecond, also when the queue is empty:
 * 3 to 6 % of a core in an idle process (tulios/kafkajs#1556, #1704). Here it runs only while the queue has requests.
 */
export function checkQueueWhenFilled(): void {
  const { prototype } = require('kafkajs/src/network/requestQueue') as { prototype: RequestQueue }
  const original = prototype.scheduleCheckPendingRequests
  prototype.scheduleCheckPendingRequests = function schedule(this: RequestQueue) {
    if (this.pending.length > 0) original.call(this)
  }
}
