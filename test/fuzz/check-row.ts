import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { ownHeaders } from '../../pipeline/headers.ts'
import { pipeline } from '../../stages/index.ts'
import type { ExpectedResult, FuzzRecord } from './corpus.ts'

/** A row of `results`. Times in milliseconds. */
export interface Row {
  readonly stage: string
  readonly partition: number
  readonly offset: string
  readonly id: string
  readonly attempt: number
  readonly sentAt: number | null
  readonly enteredAt: number
  readonly queuedAt: number
  readonly result: string | null
  readonly body: string | null
  readonly reason: string | null
  readonly value: Buffer | null
  readonly headers: string | null
  readonly traceId: string
  readonly spanId: string | null
  readonly flags: number | null
}

export const stageNames = pipeline.map(({ name }) => name)
const own = new Set<string>(Object.values(ownHeaders))

/** What is wrong with a row of a record's message, as far as it can be seen without its other rows; undefined for nothing. */
export function rowProblem(record: FuzzRecord, row: Row): string | undefined {
  const index = stageNames.indexOf(row.stage) - record.stage
  const [result, ...seal] = record.steps[index] ?? []
  if (result !== undefined) {
    if (row.result === null || row.body === null) return `is a dead letter (${row.reason}), expected ${shown(result)}`
    if (!isResult(row.result, result)) return `has the result ${shown(row.result)}, expected ${shown(result)}`
    if (sealOf(Buffer.from(row.body), seal[1], record.steps) !== seal[0]) return 'has another body than expected'
  } else if (index === record.steps.length && record.dead !== null) {
    const [reason, hash, sinesAt] = record.dead
    if (row.reason !== reason) return `has the reason ${row.reason}, expected ${reason}`
    if (sealOf(row.value, sinesAt, record.steps) !== hash)
      return 'is a dead letter with another value than that of its record'
  } else return 'should not have come here'
  return headersProblem(record, row, index === 0) ?? traceProblem(record, row, index === 0)
}

const shown = (value: ExpectedResult) => JSON.stringify(value).slice(0, 100)

function isResult(text: string, expected: ExpectedResult): boolean {
  return typeof expected === 'string' ? text === expected : areSines(text, expected)
}

/** Whether a list has these sines, each as JSON writes a double and at most one unit in the last place beside it. */
export function areSines(text: string, expected: readonly number[]): boolean {
  const found = JSON.parse(text) as number[]
  const isNear = (sine: number, index: number) => {
    const wanted = expected[index] ?? Number.NaN
    return sine === wanted || Math.abs(Number(bitsOf(sine) - bitsOf(wanted))) <= 1
  }
  return JSON.stringify(found) === text && found.length === expected.length && found.every(isNear)
}

const double = new Float64Array(1)
const bits = new BigInt64Array(double.buffer)

function bitsOf(value: number): bigint {
  double[0] = value
  return bits[0] ?? 0n
}

/** The hash of a value without its sines, which are compared; a text that fits no hash when they differ. */
function sealOf(value: Buffer | null, sinesAt: number | null | undefined, steps: FuzzRecord['steps']): string | null {
  if (value === null) return null
  const hash = createHash('sha256')
  if (typeof sinesAt !== 'number') return hash.update(value).digest('hex')
  const end = value.indexOf(']', sinesAt) + 1
  const [sines] = steps.find(([result]) => typeof result !== 'string') ?? []
  if (typeof sines === 'string' || sines === undefined) return 'no sines'
  if (!areSines(value.toString('utf8', sinesAt, end), sines)) return 'other sines'
  return hash.update(value.subarray(0, sinesAt)).update(value.subarray(end)).digest('hex')
}

type Values = Readonly<Record<string, readonly string[]>>

/** A result keeps the headers of other producers; a dead letter keeps all that its record had. */
function headersProblem({ headers }: FuzzRecord, row: Row, isEntry: boolean): string | undefined {
  const areAll = isEntry && row.reason !== null
  const kept = headers.filter(([name]) => areAll || !own.has(name))
  const texts = kept.map(([name, value]) => [name, Buffer.from(value ?? '', 'base64').toString('latin1')] as const)
  const expected = Object.groupBy(texts, ([name]) => name)
  const wanted = new Map(Object.entries(expected).map(([name, values]) => [name, values?.map(([, value]) => value)]))
  const parsed = Object.entries(JSON.parse(row.headers ?? '{}') as Values)
  const found = new Map(
    parsed.filter(([name]) => areAll || !own.has(name)).map(([name, values]) => [name, [values].flat()]),
  )
  if (!isDeepStrictEqual(found, wanted)) return `has other headers: ${row.headers?.slice(0, 100)}`
  return isEntry || row.reason === null || parsed.some(([name]) => name === ownHeaders.id)
    ? undefined
    : 'lost its own headers'
}

function traceProblem({ identity: { parent } }: FuzzRecord, row: Row, isEntry: boolean): string | undefined {
  const [traceId, ...span] = parent ?? [traceOf(row)]
  if (row.traceId !== traceId) return `has the trace ${row.traceId}, expected ${traceId}`
  // From the second stage on the parent is the span of the stage before, which is derived.
  const [spanId = null, flags = null] = isEntry ? span : []
  return row.spanId === spanId && row.flags === flags ? undefined : `has the parent ${row.spanId} ${row.flags}`
}

/** A replay has a trace of its own. */
function traceOf({ id, attempt }: Row): string {
  return attempt === 1 ? id : createHash('sha256').update(`${id}/${attempt}`).digest('hex').slice(0, 32)
}
