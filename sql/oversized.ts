import type { DeadLetter, Result } from '../pipeline/compute.ts'
import { addToCounters } from './counters.ts'
import { byteas, int2s, texts, uuids } from './binary-array.ts'
import type { Queryable } from './database.ts'
import { headersToText } from '../pipeline/headers.ts'
import type { StageRows } from './results.ts'

const turn = `
with given as (
  select * from unnest($3::uuid[], $4::int2[], $5::text[], $6::text[], $7::bytea[])
    as t (message_id, attempt, explanation, headers, record_value)
), turned as (
  update results r
  set reason = 'too-large', explanation = given.explanation, headers = given.headers,
    record_value = given.record_value, result = null, body = null
  from given
  where r.message_id = given.message_id and r.attempt = given.attempt and r.stage = $1 and r.reason is null
    and r.message_id = any($3::uuid[])
  returning r.partition
)
insert into counters as c (stage, partition, target, processed, dead)
select $1, partition, $2, -count(*), count(*) from turned group by partition order by partition
${addToCounters('processed', 'dead')}`

/** A result that the broker refuses for its size has no way on: its row becomes a dead letter, and the counters follow. */
export async function deadLetterOversized(
  database: Queryable,
  { stage, target }: StageRows,
  refused: readonly Pick<Result, 'message' | 'body' | 'startedAt' | 'computedAt' | 'skewMs'>[],
): Promise<DeadLetter[]> {
  const letters = refused.map(({ message, body, startedAt, computedAt, skewMs }): DeadLetter => {
    const bytes = Buffer.byteLength(body)
    const explanation = `The broker refuses the record of ${bytes} bytes: raise max.message.bytes of the topic, or send less.`
    return { message, startedAt, computedAt, skewMs, reason: 'too-large', explanation }
  })
  if (letters.length === 0) return letters
  await database.query(turn, [
    stage,
    target,
    uuids(letters.map(({ message }) => message.id)),
    int2s(letters.map(({ message }) => message.attempt)),
    texts(letters.map(({ explanation }) => explanation)),
    texts(letters.map(({ message }) => headersToText(message.headers))),
    byteas(letters.map(({ message }) => message.value)),
  ])
  return letters
}
