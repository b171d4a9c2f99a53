import { createHash } from 'node:crypto'

/** The two spans of a message at a stage: processing it, and sending what came of it. */
export type SpanKindName = 'process' | 'send'

/**
 * A span's id, 16 hex digits, derived from what it is about: a redelivery exports the same spans again, not others, and
 * a process that was killed leaves no hole that its successor would not fill. Both halves of the message id are in it,
 * since not every UUID differs from its neighbours in the same one; a constant for each attempt, stage and kind keeps the
 * spans of one message apart.
 * @param id message id, 32 hex digits
 */
export function spanId(id: string, attempt: number, stage: string, kind: SpanKindName): string {
  const constant = constantOf(stage, attempt, kind)
  bytes.write(id, 'hex')
  let any = 0
  for (let index = 0; index < 8; index += 1) {
    const byte = (bytes[index] ?? 0) ^ (bytes[index + 8] ?? 0) ^ (constant[index] ?? 0)
    bytes[index] = byte
    any |= byte
  }
  // All zeros is no valid span id.
  if (any === 0) bytes[7] = 1
  return bytes.toString('hex', 0, 8)
}

const bytes = Buffer.alloc(16)
const MAX_CONSTANTS = 1000
const constants = new Map<string, Buffer>()

function constantOf(stage: string, attempt: number, kind: SpanKindName): Buffer {
  const name = `${stage}/${attempt}/${kind}`
  let constant = constants.get(name)
  if (constant === undefined) {
    // Attempts that are posted by hand may have any number.
    if (constants.size >= MAX_CONSTANTS) constants.clear()
    constant = createHash('sha256').update(name).digest().subarray(0, 8)
    constants.set(name, constant)
  }
  return constant
}
