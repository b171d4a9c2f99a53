/** Castagnoli's polynomial, bits reversed. */
const POLYNOMIAL = 0x82f63b78
/** The contribution of a byte that is followed by 0 to 7 others: eight tables in one array. */
const TABLES = makeTables()

/**
 * The checksum of a record batch, as an unsigned integer. It takes eight bytes a step, three times as fast as single bytes.
 * Source: RFC 3720, appendix B.4; the tables are those of Kounavis and Berry's "slicing by 8".
 */
export function crc32c(bytes: Uint8Array, start = 0): number {
  const at = (index: number) => bytes[index] ?? 0
  const add = (index: number) => TABLES[index] ?? 0
  let crc = -1
  let index = start
  for (const end = bytes.length - 7; index < end; index += 8) {
    crc ^= at(index) | (at(index + 1) << 8) | (at(index + 2) << 16) | (at(index + 3) << 24)
    crc =
      add(1792 | (crc & 255)) ^
      add(1536 | ((crc >>> 8) & 255)) ^
      add(1280 | ((crc >>> 16) & 255)) ^
      add(1024 | (crc >>> 24)) ^
      add(768 | at(index + 4)) ^
      add(512 | at(index + 5)) ^
      add(256 | at(index + 6)) ^
      add(at(index + 7))
  }
  for (; index < bytes.length; index += 1) crc = add((crc ^ at(index)) & 255) ^ (crc >>> 8)
  return ~crc >>> 0
}

function makeTables(): Int32Array {
  const tables = new Int32Array(8 * 256)
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
    tables[byte] = crc
  }
  for (let index = 256; index < tables.length; index += 1) {
    const before = tables[index - 256] ?? 0
    tables[index] = (before >>> 8) ^ (tables[before & 255] ?? 0)
  }
  return tables
}
