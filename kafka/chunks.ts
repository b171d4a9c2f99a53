const MAX_ITEMS = 1000

/** Splits a list, in order, into chunks of at most 1,000 items and `maxBytes`; a larger item makes a chunk of its own. */
export function chunksOf<T>(items: readonly T[], sizeOf: (item: T) => number, maxBytes: number): T[][] {
  const chunks: T[][] = []
  let chunk: T[] = []
  let bytes = 0
  for (const item of items) {
    const size = sizeOf(item)
    if (chunk.length > 0 && (chunk.length === MAX_ITEMS || bytes + size > maxBytes)) {
      chunks.push(chunk)
      chunk = []
      bytes = 0
    }
    chunk.push(item)
    bytes += size
  }
  return chunk.length > 0 ? [...chunks, chunk] : chunks
}
