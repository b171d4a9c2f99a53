import type { Database } from '../sql/database.ts'
import { CONSUMER, type ReceivedSpan } from './read-otlp.ts'

/**
 * What must have a span: of which trace, service and kind. Every trace is kept but those of messages that came unsampled,
 * finished and were not slow.
 */
const expected = `
with dropped as (
  select f.message_id, f.attempt from finished f
  where f.finished_at - f.entered_at <= interval '5 s' and exists (
    select from results r where r.message_id = f.message_id and r.attempt = f.attempt and r.parent_flags = 0
  )
)
select trace_id || ' ' || stage || ' ' || kind as key
from results cross join (values ('process'), ('send')) as kinds (kind)
where (message_id, attempt) not in (select message_id, attempt from dropped)
union all
select hex(message_id) || ' generator send' from inputs where body is not null`

/** Compares the spans that arrived with the rows. Returns what is wrong. */
export async function unlikeTraces(database: Database, spans: readonly ReceivedSpan[]): Promise<string[]> {
  const { rows } = await database.query<{ key: string }>(expected)
  const arrived = Map.groupBy(spans, keyOf)
  const missing = rows.filter(({ key }) => !arrived.has(key))
  const known = new Set(rows.map(({ key }) => key))
  const foreign = [...arrived.keys()].filter((key) => !known.has(key))
  const several = [...arrived].filter(([, same]) => new Set(same.map(({ spanId }) => spanId)).size > 1)
  return [
    ...missing.map(({ key }) => `The span ${key} is missing.`),
    ...foreign.map((key) => `The span ${key} is of no row.`),
    ...several.map(([key]) => `The span ${key} has several ids.`),
  ]
}

function keyOf({ traceId, service, kind }: ReceivedSpan): string {
  return `${traceId} ${service} ${kind === CONSUMER ? 'process' : 'send'}`
}
