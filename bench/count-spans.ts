/** Wire types of protobuf: https://protobuf.dev/programming-guides/encoding/ */
const [VARINT, I64, LEN, I32] = [0, 1, 2, 5]

/** resource_spans, scope_spans, spans: the fields on the way from an ExportTraceServiceRequest to its spans. */
const PATH = [1, 2, 2]

/**
 * How many spans a request of OTLP over HTTP holds, without decoding any of them.
 * @throws {RangeError} when it is no protobuf
 */
export function countSpans(request: Uint8Array): number {
  return countAlong(request, PATH)
}

function countAlong(bytes: Uint8Array, [wanted, ...rest]: readonly number[]): number {
  let count = 0
  for (const { field, content } of lengthFields(bytes)) {
    if (field === wanted) count += rest.length === 0 ? 1 : countAlong(content, rest)
  }
  return count
}

/** The fields of a message that have a length: texts, bytes and messages. */
function* lengthFields(bytes: Uint8Array): Generator<{ field: number; content: Uint8Array }> {
  let at = 0
  const varint = () => {
    let value = 0
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++]
      if (byte === undefined) throw new RangeError('A protobuf message ends in the middle of a field')
      value += (byte & 127) * shift
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const tag = varint()
    const type = tag % 8
    if (type === VARINT) varint()
    else if (type === I64) at += 8
    else if (type === I32) at += 4
    else if (type === LEN) {
      const end = varint() + at
      if (end > bytes.length) throw new RangeError('A protobuf message ends in the middle of a field')
      yield { field: Math.floor(tag / 8), content: bytes.subarray(at, end) }
      at = end
    } else throw new RangeError(`Protobuf has no wire type ${type}`)
  }
}
