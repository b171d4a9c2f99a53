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

/** kafkajs's own, as far as it is used here. */
interface Encoder {
  readonly buffer: Buffer
  size(): number
  writeInt16(value: number): Encoder
  writeInt32(value: number): Encoder
  writeString(text: string): Encoder
}

const newEncoder = () => new (require('kafkajs/src/protocol/encoder') as new () => Encoder)()

/** An encoder that has written these bytes, without copying them. */
const encoded = (buf: Buffer): Encoder => Object.assign(newEncoder(), { buf, offset: buf.length })

type MakeRequest = (produce: ProduceRequest) => object

/** The original makes a buffer for each number, header and record, and copies each five times. */
export const encodeAtOnce = (original: MakeRequest) => (produce: ProduceRequest) => {
  const request = original(produce)
  const encode = () => Promise.resolve(encoded(encodeProduceRequest(produce)))
  return isPlain(produce) ? { ...request, encode } : request
}

interface Request {
  readonly correlationId: number
  readonly clientId: string
  readonly request: {
    readonly apiKey: number
    readonly apiVersion: number
    readonly encode: () => Promise<Encoder>
  }
}

/** The original copies the body twice, each time into a buffer of up to twice its size. */
export async function encodeRequest({ correlationId, clientId, request }: Request): Promise<Encoder> {
  const { buffer: body } = await request.encode()
  const head = newEncoder().writeInt16(request.apiKey).writeInt16(request.apiVersion)
  head.writeInt32(correlationId).writeString(clientId)
  const size = newEncoder().writeInt32(head.size() + body.length)
  return encoded(Buffer.concat([size.buffer, head.buffer, body]))
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
