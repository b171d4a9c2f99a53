import type { DeadLetter } from '../pipeline/compute.ts'
import type { Message } from '../pipeline/message.ts'
import { int2s, uuids } from './binary-array.ts'
import type { Queryable } from './database.ts'

/** A row as a redelivery has to know it. */
export interface ResultRow {
  readonly id: string
  readonly attempt: number
  readonly partition: number
  readonly offset: string
  /** Null for a dead letter, and then the reason and the explanation are not. */
  readonly body: string | null
  readonly reason: DeadLetter['reason']
  readonly explanation: string
  /** Milliseconds since the epoch. */
  readonly started: number
  readonly computed: number
}

// Times are multiplied before the cast, while every digit is exact. The list of ids is asked for twice, since only by a list
// the planner knows which partitions it needs.
export const selectSavedResults = `
select hex(message_id) as id, attempt, partition, "offset", body, reason, explanation,
  (extract(epoch from started_at) * 1000)::float8 as started, (extract(epoch from computed_at) * 1000)::float8 as computed
from unnest($2::uuid[], $3::int2[]) as wanted (message_id, attempt)
join results using (message_id, attempt)
where stage = $1 and results.message_id = any($2::uuid[])`

/** The rows of these messages at a stage. */
export async function selectResults(
  database: Queryable,
  stage: string,
  messages: readonly Message[],
): Promise<ResultRow[]> {
  const ids = uuids(messages.map(({ id }) => id))
  const attempts = int2s(messages.map(({ attempt }) => attempt))
  const { rows } = await database.query<ResultRow>(selectSavedResults, [stage, ids, attempts])
  return rows
}
