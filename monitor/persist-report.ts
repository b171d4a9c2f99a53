import type { Queryable } from '../sql/database.ts'
import type { Report } from './report.ts'

const insertStages = `
insert into stage_samples (at, stage, waiting, oldest_seconds, arrivals_per_second, served_per_second, drain_seconds,
  utilisation, members, partitions, partitions_assigned, missing, oldest_message, verdict, sentence)
select now(), stage, waiting, oldest, arrivals, served, drain, utilisation, members,
  partitions, assigned, missing, "oldestMessage", verdict, summary
from json_to_recordset($1) as t (stage text, waiting bigint, oldest float8, arrivals float8, served float8, drain float8,
  utilisation float8, members integer, partitions integer, assigned integer, missing bigint, "oldestMessage" uuid,
  verdict text, summary text)
on conflict do nothing`

const insertLedger = `
insert into ledger_samples (at, entered, in_flight, finished, dead, duplicates, missing)
values (now(), $1, $2, $3, $4, $5, $6)
on conflict do nothing`

/**
 * Inserts a report into stage_samples and ledger_samples, at the time of Postgres, by which reports are queried. The row of an
 * UNKNOWN stage has no figures.
 */
export async function persistReport({ stages, ledger }: Report, database: Queryable): Promise<void> {
  const rows = stages.map(({ stage, verdict, summary, missing, partitions, ...figures }) => ({
    ...(verdict !== 'UNKNOWN' && { ...figures, partitions: partitions.length }),
    stage,
    verdict,
    summary,
    missing,
  }))
  await database.query({ name: 'insert-stages', text: insertStages, values: [JSON.stringify(rows)] })
  if (ledger === undefined) return
  const { entered, in_flight, finished, dead, duplicates, missing } = ledger
  const values = [entered, in_flight, finished, dead, duplicates, missing]
  await database.query({ name: 'insert-ledger', text: insertLedger, values })
}
