import { createRequire } from 'node:module'
import { addCodecs } from './codecs.ts'
import { encodeProduce, isPlain, type Produce } from './produce-request.ts'
import { endOfBatch, readRecordBatch } from './read-record-batch.ts'

const require = createRequire(import.meta.url)

let isPatched = false

/** Patches kafkajs 2.2.4, which has no more releases. To be done before it is loaded. */
export function patchKafkajs(): void {
  if (isPatched) return
  isPatched = true
  replace('kafkajs/src/producer/groupMessagesPerPartition', () => groupByPartition)
  replace('kafkajs/src/protocol/requests/produce/v3/request', producing)
  replace('kafkajs/src/protocol/request', () => encodeRequest)
  replace('kafkajs/src/protocol/recordBatch/v0/decoder', decoding)
  addCodecs()
  patchIdleTimer()
  patchCoordinatorSearch()
}

/** Puts something else in the place of a module, for those of kafkajs that are loaded after this. */
function replace<Original>(name: string, by: (original: Original) => Original): void {
  const original = require(name) as Original
  const loaded = require.cache[require.resolve(name)]
  if (loaded !== undefined) loaded.exports = by(original)
}

interface Grouping {
  readonly topic: string
  readonly partitionMetadata: unknown
  readonly messages: readonly unknown[]
  readonly partitioner: (about: unknown) => number
}

/** The original copies all messages of a partition for each that it adds. */
function groupByPartition({ messages, partitioner, ...rest }: Grouping): Record<number, unknown[]> {
  const groups: Record<number, unknown[]> = {}
  for (const message of messages) (groups[partitioner({ ...rest, message })] ??= []).push(message)
  return groups
}

/** kafkajs's own, as far as it is needed here. */
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

type ProduceRequest = (produce: Produce) => object

/** The original makes a buffer for each number, header and record, and copies each five times. */
const producing = (original: ProduceRequest) => (produce: Produce) => {
  const request = original(produce)
  const encode = () => Promise.resolve(encoded(encodeProduce(produce)))
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

/** The original copies the body twice, each time into up to twice the room that it needs. */
async function encodeRequest({ correlationId, clientId, request }: Request): Promise<Encoder> {
  const { buffer: body } = await request.encode()
  const head = newEncoder().writeInt16(request.apiKey).writeInt16(request.apiVersion)
  head.writeInt32(correlationId).writeString(clientId)
  const size = newEncoder().writeInt32(head.size() + body.length)
  return encoded(Buffer.concat([size.buffer, head.buffer, body]))
}

/** kafkajs's own, as far as it is needed here. */
interface Decoder {
  readonly buffer: Buffer
  offset: number
}

type DecodeBatch = (decoder: Decoder) => Promise<{ readonly records: readonly unknown[] }>

/** The original makes a decoder for each record and a new object for each header. It is left what is compressed or cut off. */
const decoding = (original: DecodeBatch) => (decoder: Decoder) => {
  const { buffer, offset } = decoder
  const end = endOfBatch(buffer, offset)
  if (end === undefined) return original(decoder)
  decoder.offset = end
  return Promise.resolve({ records: readRecordBatch(buffer, offset, end) })
}

interface RequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests(): void
}

/**
 * kafkajs wakes up every millisecond for every connection, for ever, to look at a queue that is empty: 3 to 6 % of
 * a core in an idle process (tulios/kafkajs#1556, #1704). It is enough to look when there is something in it.
 */
function patchIdleTimer(): void {
  const { prototype } = require('kafkajs/src/network/requestQueue') as { prototype: RequestQueue }
  const original = prototype.scheduleCheckPendingRequests
  prototype.scheduleCheckPendingRequests = function schedule(this: RequestQueue) {
    if (this.pending.length > 0) original.call(this)
  }
}

interface Cluster {
  findGroupCoordinatorMetadata(group: unknown): Promise<unknown>
}

/**
 * A broker that goes away while a consumer looks for its group's coordinator makes kafkajs give up the consumer for
 * good: it calls the error one that will not pass. It passes like any other outage.
 */
function patchCoordinatorSearch(): void {
  const { prototype } = require('kafkajs/src/cluster') as { prototype: Cluster }
  const original = prototype.findGroupCoordinatorMetadata
  prototype.findGroupCoordinatorMetadata = async function find(this: Cluster, group: unknown) {
    try {
      return await original.call(this, group)
    } catch (error) {
      if (error instanceof Error && error.name === 'KafkaJSGroupCoordinatorNotFound') {
        Object.assign(error, { retriable: true })
      }
      throw error
    }
  }
}
