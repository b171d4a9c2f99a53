import type { Kafka } from '../../../kafka/client.ts'
import type { Admin } from '../../../kafka/client.ts'
import type { Config } from '../../../pipeline/config.ts'
import type { Database } from '../../../sql/database.ts'
import { finish } from '../../../stages/index.ts'
import { routes } from '../../../pipeline/route.ts'
import { findBacklog, checkLedger } from './ledger.ts'
import { readEntered } from './entered.ts'
import { checkRows } from './rows.ts'
import { checkSentRecords } from './sent-records.ts'
import { checkTraces } from './traces.ts'
import type { ReceivedSpan } from '../../support/telemetry/decode-otlp.ts'

export interface Findings {
  /** A sentence for each problem. */
  readonly problems: readonly string[]
  readonly counts: Counts
}

export interface Counts {
  readonly entered: number
  readonly finished: number
  readonly dead: number
  /** Results and dead letters. */
  readonly rows: number
  /** Records that a stage dropped because the message has a row from another offset. */
  readonly duplicates: number
  /** Records on the output topics beyond one for each row. */
  readonly republished: number
}

export interface CheckOptions {
  readonly kafka: Kafka
  /** Connected. */
  readonly admin: Admin
  readonly config: Config
  readonly database: Database
  /** All spans that the tracers exported. */
  readonly spans: readonly ReceivedSpan[]
}

/** Compares topics, rows and spans with the expected ones after the pipeline has settled. */
export async function checkChaos({ kafka, admin, config, database, spans }: CheckOptions): Promise<Findings> {
  const { messages, problems } = await readEntered(kafka, config, database)
  return {
    problems: [
      ...problems,
      ...(await checkRows(database, messages)),
      ...(await checkSentRecords(kafka, config, messages)),
      ...(await checkTraces(database, spans)),
      ...(await checkLedger(database)),
      ...(await findBacklog(admin, config)),
    ],
    counts: await readCounts({ admin, config, database }),
  }
}

async function readCounts({ admin, config, database }: Omit<CheckOptions, 'kafka' | 'spans'>): Promise<Counts> {
  const { rows } = await database.query<Omit<Counts, 'republished'>>(`
    select (select count(*)::int from inputs) as entered, (select count(*)::int from finished) as finished,
      (select count(*)::int from results where reason is not null) as dead,
      (select count(*)::int from results) as rows,
      (select coalesce(sum(duplicates), 0)::int from counters) as duplicates`)
  const [counts] = rows
  if (counts === undefined) throw new Error('Postgres gave no row')
  let records = 0
  for (const topic of [...routes(config).map(({ source }) => source), config.TOPIC_PREFIX + finish]) {
    for (const { high, low } of await admin.fetchTopicOffsets(topic)) records += Number(high) - Number(low)
  }
  return { ...counts, republished: records - counts.rows - counts.finished }
}
