import type { Database } from '../../../sql/database.ts'
import type { Entered } from './entered.ts'
import { expectedOutcome, type ExpectedOutcome } from './expected-outcome.ts'

interface Row {
  readonly id: string
  readonly attempt: number
  readonly stage: string
  readonly result: string | null
  readonly body: string | null
  readonly reason: string | null
  readonly value: Buffer | null
}

/** Messages compared at a time. Their rows have a few megabytes, or a hundred with large messages. */
const PAGE = 500

const rowsOf = `
select hex(message_id) as id, attempt, stage, result, body, reason, record_value as value
from results where message_id = any($1::uuid[])
union all
select hex(message_id), attempt, 'finish', null, null, null, null
from finished where message_id = any($1::uuid[])`

/**
 * Compares the rows of every message with the expected ones: exactly one for each stage, with that body and result, and a
 * finished row or the expected dead letter. Returns the problems.
 */
export async function checkRows(database: Database, messages: ReadonlyMap<string, Entered>): Promise<string[]> {
  const problems: string[] = []
  const ids = [...messages.keys()]
  for (let from = 0; from < ids.length; from += PAGE) {
    const page = ids.slice(from, from + PAGE)
    const { rows } = await database.query<Row>(rowsOf, [page])
    const byId = Map.groupBy(rows, ({ id }) => id)
    for (const id of page) {
      const { topic, value } = messages.get(id) as Entered
      const wrong = difference(expectedOutcome(topic, value), byId.get(id) ?? [])
      if (wrong !== undefined) problems.push(`Message ${id}: ${wrong}`)
    }
  }
  return problems
}

function difference({ steps, deadLetter }: ExpectedOutcome, rows: readonly Row[]): string | undefined {
  const expected = [...steps.map(({ stage }) => stage), deadLetter?.stage ?? 'finish']
  const found = rows.map(({ stage, attempt }) => (attempt === 1 ? stage : `${stage} (attempt ${attempt})`))
  if (expected.toSorted().join() !== found.toSorted().join()) {
    return `has rows at ${found.join(', ') || 'no stage'}, expected at ${expected.join(', ')}.`
  }
  for (const row of rows) {
    const step = steps.find(({ stage }) => stage === row.stage)
    if (step?.result !== (row.result ?? undefined)) return `has another result at ${row.stage}.`
    if (step?.body !== (row.body ?? undefined)) return `has another body at ${row.stage}.`
    const reason = row.stage === deadLetter?.stage ? deadLetter.reason : null
    if (row.reason !== reason) return `has the reason ${row.reason} at ${row.stage}, expected ${reason}.`
    if (row.reason !== null && !sameBytes(row.value, deadLetter?.value)) return `is a dead letter with another value.`
  }
  return undefined
}

function sameBytes(one: Buffer | null, other: Buffer | null | undefined): boolean {
  return one === null || !other ? one === (other ?? null) : one.equals(other)
}
