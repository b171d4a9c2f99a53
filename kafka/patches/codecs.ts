import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { zstdCompress, zstdDecompress } from 'node:zlib'
import { finalError } from './final-error.ts'

/** As kafkajs wants it. */
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

/** kafkajs itself has only gzip, and says of the others neither where they come from nor what can be done. */
export function addCodecs(): void {
  const { Types, Codecs } = createRequire(import.meta.url)(
    'kafkajs/src/protocol/message/compression',
  ) as Compression
  Codecs[Types.ZSTD] = () => zstd
  Codecs[Types.Snappy] = missing('snappy')
  Codecs[Types.LZ4] = missing('lz4')
}

function missing(name: string) {
  return (): never => {
    throw finalError(
      `There are records compressed by ${name}, which this client cannot read. Set the topic's compression.type to uncompressed ` +
        "for what comes, and move the group's offset behind what is there with kafka-consumer-groups.sh.",
    )
  }
}
