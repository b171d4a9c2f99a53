import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { zstdCompress, zstdDecompress } from 'node:zlib'
import { addHeader, endOfBatch, finalError, Headers } from './decode-record-batch.ts'

const require = createRequire(import.meta.url)

/** A codec of kafkajs. */
interface Codec {
  compress(records: { readonly buffer: Buffer }): Promise<Buffer>
  decompress(bytes: Buffer): Promise<Buffer>
}

interface Compression {
  readonly Types: Readonly<Record<'Snappy' | 'LZ4' | 'ZSTD', number>>
  readonly Codecs: Record<number, () => Codec>
}

const [compressed, decompressed] = [promisify(zstdCompress), promisify(zstdDecompress)]

const zstd: Codec = {
  compress: ({ buffer }) => compressed(buffer),
  decompress: (bytes) => decompressed(bytes),
}

/** kafkajs has only gzip, and its error for the other codecs names no remedy. */
export function addCodecs(): void {
  const { Types, Codecs } = require('kafkajs/src/protocol/message/compression') as Compression
  Codecs[Types.ZSTD] = () => zstd
  Codecs[Types.Snappy] = missing('snappy')
  Codecs[Types.LZ4] = missing('lz4')
}

function missing(name: string) {
  return (): never => {
    throw finalError(
      `There are records compressed by ${name}, which this client cannot read. Set the topic's compression.type to uncompressed ` +
        "for new records, and move the group's offset behind the old ones with kafka-consumer-groups.sh.",
    )
  }
}

/** kafkajs's decoder of one record batch, which it reads from `offset` on. */
export type DecodeBatch = (decoder: {
  readonly buffer: Buffer
  offset: number
}) => Promise<{ readonly records: readonly unknown[] }>

/** The original reads a batch whose length is less than its own head again and again; here it is an error. */
export const decodeOrRefuse = (original: DecodeBatch) => (decoder: Parameters<DecodeBatch>[0]) => {
  endOfBatch(decoder.buffer, decoder.offset)
  return original(decoder)
}

interface HeaderRecord {
  readonly key: string
  readonly value: Buffer | null
}

/** kafkajs's own decoder of bytes, as far as it is used here. */
interface RecordDecoder {
  readVarIntArray(read: unknown): readonly HeaderRecord[]
}

type DecodeRecord = (decoder: RecordDecoder, batchContext: unknown) => object

/** The original copies all headers of a record for each one that it adds: 10,000 of them hold the process up for seconds. */
export const collectHeaders = (original: DecodeRecord) => (decoder: RecordDecoder, batchContext: unknown) => {
  const headers = new Headers()
  const readAll = decoder.readVarIntArray
  decoder.readVarIntArray = (read) => {
    for (const { key, value } of readAll.call(decoder, read)) addHeader(headers, key, value)
    return []
  }
  return { ...original(decoder, batchContext), headers }
}
