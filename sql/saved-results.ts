import type { ReasonCode } from '../stages/refusal.ts'
import { byteas, int2s, texts, uuids } from './binary-array.ts'
import { addToCounters } from './counters.ts'
import type { Queryable } from './database.ts'
import { headersToText, type SavableDeadLetter, type StageRows } from './results.ts'

/** A row as a redelivery needs it. */
export interface ResultRow {
  readonly id: string
  readonly attempt: number
  readonly partition: number
  readonly offset: string
  /** Null for a dead letter; then reason and explanation are not null. */
  readonly body: string | null
  readonly reason: ReasonCode
  readonly explanation: string
  /** Milliseconds since the epoch. */
  readonly started: number
  readonly computed: number
}

// Times are multiplied before the cast, while every digit is exact. The ids appear twice, since only the array tells the
// planner which partitions it needs.
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
  messages: readonly { readonly id: string; readonly attempt: number }[],
): Promise<ResultRow[]> {
  const ids = uuids(messages.map(({ id }) => id))
  const attempts = int2s(messages.map(({ attempt }) => attempt))
  const { rows } = await database.query<ResultRow>(selectSavedResults, [stage, ids, attempts])
  return rows
}

const change = `
with given as (
  select * from unnest($3::uuid[], $4::int2[], $5::text[], $6::text[], $7::text[], $8::bytea[])
    as t (message_id, attempt, reason, explanation, headers, record_value)
), changed as (
  update results r
  set reason = given.reason, explanation = given.explanation, headers = given.headers,
    record_value = given.record_value, result = null, body = null
  from given
  where r.message_id = given.message_id and r.attempt = given.attempt and r.stage = $1 and r.reason is null
    and r.message_id = any($3::uuid[])
  returning r.partition
)
insert into counters as c (stage, partition, target, processed, dead)
select $1, partition, $2, -count(*), count(*) from changed group by partition order by partition
${addToCounters('processed', 'dead')}`

/** Changes the rows of results into dead letters, and the counters with them. */
export async function changeToDeadLetters(
  database: Queryable,
  { stage, target }: StageRows,
  letters: readonly SavableDeadLetter[],
): Promise<void> {
  if (letters.length === 0) return
  await database.query(change, [
    stage,
    target,
    uuids(letters.map(({ message }) => message.id)),
    int2s(letters.map(({ message }) => message.attempt)),
    texts(letters.map(({ reason }) => reason)),
    texts(letters.map(({ explanation }) => explanation)),
    texts(letters.map(({ message }) => headersToText(message.headers))),
    byteas(letters.map(({ message }) => message.value)),
  ])
}
