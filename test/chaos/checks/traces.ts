import type { Database } from '../../../sql/database.ts'
import { CONSUMER, type ReceivedSpan } from '../../support/telemetry/decode-otlp.ts'

/**
 * The expected spans: trace id, service and kind. Every trace is kept, except those of messages that arrived unsampled,
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
select hex(message_id) || ' ' || coalesce(entered_by, 'generator') || ' send' from inputs where body is not null`

/** The spans that may have no parent: of the process that made a message, and of the first stage of one that came without a trace. */
const expectedRoots = `
select hex(message_id) || ' ' || coalesce(entered_by, 'generator') || ' send' as key from inputs where body is not null
union all
select trace_id || ' ' || stage || ' process' from results where previous_sent_at is null and parent_span_id is null`

/** Parents that a foreign client made, with their traces. */
const foreignParents = `
select distinct trace_id || ' ' || parent_span_id as parent from results where parent_span_id is not null`

/** Compares the exported spans with the rows. Returns the problems. */
export async function checkTraces(database: Database, spans: readonly ReceivedSpan[]): Promise<string[]> {
  const { rows } = await database.query<{ key: string }>(expected)
  const { rows: foreign } = await database.query<{ parent: string }>(foreignParents)
  const { rows: roots } = await database.query<{ key: string }>(expectedRoots)
  const arrived = Map.groupBy(spans, keyOf)
  const known = new Set(rows.map(({ key }) => key))
  const mayHaveNone = new Set(roots.map(({ key }) => key))
  const parents = new Set([
    ...foreign.map(({ parent }) => parent),
    ...spans.map(({ traceId, spanId }) => `${traceId} ${spanId}`),
  ])
  const hasParent = (span: ReceivedSpan) =>
    span.parentSpanId === '' ? mayHaveNone.has(keyOf(span)) : parents.has(`${span.traceId} ${span.parentSpanId}`)
  return [
    ...rows.filter(({ key }) => !arrived.has(key)).map(({ key }) => `The span ${key} is missing.`),
    ...[...arrived.keys()].filter((key) => !known.has(key)).map((key) => `The span ${key} has no row.`),
    ...[...arrived]
      .filter(([, same]) => !areEqual(same))
      .map(([key]) => `The span ${key} was exported with different contents.`),
    ...spans.filter((span) => !hasParent(span)).map((span) => `The parent of the span ${keyOf(span)} is missing.`),
  ]
}

/** The send spans of a dead letter that was published twice end at the times of their records. */
function areEqual(same: readonly ReceivedSpan[]): boolean {
  const shapes = same.map(({ spanId, parentSpanId, startTimeUnixNano, endTimeUnixNano, name }) => {
    const end = name.endsWith('dead-letter') ? '' : endTimeUnixNano
    return `${spanId} ${parentSpanId} ${startTimeUnixNano} ${end}`
  })
  return new Set(shapes).size === 1
}

function keyOf({ traceId, service, kind }: ReceivedSpan): string {
  return `${traceId} ${service} ${kind === CONSUMER ? 'process' : 'send'}`
}
