import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { findOnPath } from '../../local/host-resources.ts'

/** A result as the oracle expects it; of the sine a list, since the last digit of a sine depends on the library. */
export type ExpectedResult = string | readonly number[]

/** SHA-256 of a body without its sines, and the byte where they begin; null for a body without them. */
type Seal = readonly [hash: string | null, sinesAt: number | null]

/** A record to be sent, and what must come of it. */
export interface FuzzRecord {
  readonly class: string
  readonly topic: string
  /** The position of the stage that reads the topic, from 0. */
  readonly stage: number
  readonly partition: number
  /** Base64, as are the values of the headers. */
  readonly value: string | null
  readonly headers: readonly (readonly [name: string, value: string | null])[]
  /** The record before has the same id, so this one is dropped. */
  readonly isDuplicate: boolean
  readonly identity: Identity
  /** One for each stage that adds a result. */
  readonly steps: readonly (readonly [result: ExpectedResult, ...Seal])[]
  /** The value is that of the record at the stage after the steps. */
  readonly dead: readonly [reason: string, ...Seal] | null
}

interface Identity {
  /** Null: derived from the place of the record. */
  readonly id: string | null
  readonly attempt: number
  /** Milliseconds; null where the header is absent or malformed, and so for the others. */
  readonly sentAt: number | null
  readonly enteredAt: number | null
  readonly parent: readonly [traceId: string, spanId: string, flags: number] | null
}

export interface CorpusOptions {
  readonly seed: number
  readonly messages: number
  readonly partitions: number
  /** Milliseconds; the times in headers are relative to it. */
  readonly now: number
}

const script = join(import.meta.dirname, 'oracle', 'corpus.py')

export const python = findOnPath('python3')

/** The records of a seed, as the oracle makes them. @throws {Error} when the oracle fails */
export async function* corpus(options: CorpusOptions): AsyncGenerator<FuzzRecord> {
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  const child = spawn(python ?? 'python3', [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = Promise.withResolvers<number | null>()
  child.once('error', ended.reject)
  child.once('close', ended.resolve)
  try {
    for await (const line of createInterface({ input: child.stdout })) yield JSON.parse(line) as FuzzRecord
    const code = await ended.promise
    if (code !== 0) throw new Error(`The oracle ended with exit code ${code}`)
  } finally {
    child.kill()
  }
}
