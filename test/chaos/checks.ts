import type { Admin, Kafka } from 'kafkajs'
import type { Config } from '../../pipeline/config.ts'
import type { Database } from '../../sql/database.ts'
import { finish } from '../../stages/index.ts'
import { routes } from '../../pipeline/route.ts'
import { waitingAtBroker, wrongInDatabase } from './account.ts'
import { whatEntered } from './entered.ts'
import { unlikeReference } from './rows.ts'
import { unlikeTopics } from './topics.ts'
import { unlikeTraces } from './traces.ts'
import type { ReceivedSpan } from '../support/read-otlp.ts'

export interface Findings {
  /** Whatever is wrong, a sentence for each. */
  readonly problems: readonly string[]
  readonly counts: Counts
}

export interface Counts {
  readonly entered: number
  readonly finished: number
  readonly dead: number
  /** Of results and dead letters together. */
  readonly rows: number
  /** Records that a stage dropped, because another offset holds the message. */
  readonly duplicates: number
  /** Records on the topics behind the stages that were there before. */
  readonly republished: number
}

export interface CheckOptions {
  readonly kafka: Kafka
  /** Connected. */
  readonly admin: Admin
  readonly config: Config
  readonly database: Database
  /** Everything that the tracers exported. */
  readonly spans: readonly ReceivedSpan[]
}

/** Compares everything that there is when all is quiet with what there must be. */
export async function checkChaos({ kafka, admin, config, database, spans }: CheckOptions): Promise<Findings> {
  const { messages, problems } = await whatEntered(kafka, config, database)
  return {
    problems: [
      ...problems,
      ...(await unlikeReference(database, messages)),
      ...(await unlikeTopics(kafka, config, messages)),
      ...(await unlikeTraces(database, spans)),
      ...(await wrongInDatabase(database)),
      ...(await waitingAtBroker(admin, config)),
    ],
    counts: await readCounts({ admin, config, database }),
  }
}

async function readCounts({
  admin,
  config,
  database,
}: Omit<CheckOptions, 'kafka' | 'spans'>): Promise<Counts> {
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
