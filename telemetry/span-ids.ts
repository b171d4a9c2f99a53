import { createHash } from 'node:crypto'

/** The two spans of a message at a stage: processing it, and sending what came of it. */
export type SpanKindName = 'process' | 'send'

/**
 * A span's id, 16 hex digits, derived from what it is about: a redelivery exports the same spans again, not others, and
 * a process that was killed leaves no hole that its successor would not fill. The last half of a message id is random,
 * so a constant for each attempt, stage and kind keeps the spans of one message apart and those of all messages random.
 * @param id message id, 32 hex digits
 */
export function spanId(id: string, attempt: number, stage: string, kind: SpanKindName): string {
  const [high, low] = constantOf(`${stage}/${attempt}/${kind}`)
  const first = (Number.parseInt(id.slice(16, 24), 16) ^ high) >>> 0
  const second = (Number.parseInt(id.slice(24, 32), 16) ^ low) >>> 0
  // All zeros is no valid span id.
  return hex(first) + hex(first === 0 && second === 0 ? 1 : second)
}

const constants = new Map<string, readonly [number, number]>()

function constantOf(name: string): readonly [number, number] {
  let constant = constants.get(name)
  if (constant === undefined) {
    const digest = createHash('sha256').update(name).digest()
    constant = [digest.readUInt32BE(0), digest.readUInt32BE(4)]
    constants.set(name, constant)
  }
  return constant
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0')
}
