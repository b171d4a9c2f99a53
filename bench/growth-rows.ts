import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Database } from '../sql/database.ts'
import { pipeline } from '../stages/index.ts'
import { createPastPartitions, daysFromNow } from '../test/support/insert-messages.ts'

/** Days of inserted messages. Those of a day come one after the other, the last about the present time of that day. */
const DAYS = 20
const DAY_MS = 86_400_000
/** As growth-messages.sql has them. */
const MESSAGES_A_SECOND = 100
const MESSAGES_A_STATEMENT = 5000
/** One message in a hundred is a dead letter of the third stage. */
const ROWS_A_MESSAGE = (99 * pipeline.length + 3) / 100
/** Rows of results for each sample of the monitor, so that ten million rows come with 14 days of samples. */
const ROWS_A_SAMPLE = 40
const SAMPLE_MS = 5000

const messagesSql = readFileSync(join(import.meta.dirname, 'growth-messages.sql'), 'utf8')

/** Inserts about so many rows of results, up to the present, and analyses them. Returns when the next message is due. */
export async function insertRows(database: Database, rows: number, signal: AbortSignal): Promise<Date> {
  const [begun, now] = [performance.now(), Date.now()]
  const messagesADay = Math.ceil(rows / ROWS_A_MESSAGE / DAYS)
  const samplesMs = Math.min(14 * DAY_MS, (rows / ROWS_A_SAMPLE) * SAMPLE_MS)
  for (let day = 1; day <= DAYS; day += 1) await createPastPartitions(database, daysFromNow(-day))
  await insertSamples(database, new Date(now - samplesMs), new Date(now))
  await insertCounters(database, messagesADay * DAYS)
  let next = new Date(now)
  for (let day = DAYS - 1; day >= 0; day -= 1) {
    next = new Date(now - day * DAY_MS - (messagesADay * 1000) / MESSAGES_A_SECOND)
    for (let inserted = 0; inserted < messagesADay; inserted += MESSAGES_A_STATEMENT) {
      signal.throwIfAborted()
      const count = Math.min(MESSAGES_A_STATEMENT, messagesADay - inserted)
      const isBacklog = (inserted / MESSAGES_A_STATEMENT) % 10 === 1
      next = await insertMessages(database, { from: next, count, isBacklog })
    }
  }
  // Updates the visibility map and the BRIN summaries, as autovacuum does in time.
  await database.query('vacuum analyze')
  await database.query('checkpoint')
  const seconds = ((performance.now() - begun) / 1000).toFixed(0)
  console.log(`  ${rows.toLocaleString('en-US')} rows, inserted in ${seconds} s`)
  return next
}

/** Inserts what a running pipeline would have since the last message. Returns when the next one is due. */
export async function continueRows(database: Database, next: Date): Promise<Date> {
  const now = new Date()
  const count = Math.floor(((now.getTime() - next.getTime()) * MESSAGES_A_SECOND) / 1000)
  await insertSamples(database, new Date(now.getTime() - 2 * SAMPLE_MS), now)
  return count > 0 ? await insertMessages(database, { from: next, count, isBacklog: false }) : next
}

interface MessagesToInsert {
  /** When the first enters; the others follow evenly. */
  readonly from: Date
  readonly count: number
  /** All waited at the first stage until the last was there; then the stages did one partition after the other. */
  readonly isBacklog: boolean
}

/** Inserts messages of twelve numbers with all their rows. Returns when the next message is due. */
async function insertMessages(database: Database, { from, count, isBacklog }: MessagesToInsert): Promise<Date> {
  const added = pipeline.map((_, index) => additions[index] ?? '1')
  const bodies = pipeline.map(({ adds }, index) => `,"${adds}":${added[index]}`)
  const values = [from, count, added, bodies, isBacklog]
  await database.query({ name: 'insert-messages', text: messagesSql, values })
  return new Date(from.getTime() + (count * 1000) / MESSAGES_A_SECOND)
}

const twelveTimes = (value: string) => `[${Array.from({ length: 12 }, () => value).join(',')}]`
const sqrt = '{"lcm":1.0897577021888637e+15,"sum":736.0951025523,"product":2.66935e+17,"average":212.49235}'

/** What the six stages add, in their order, as long as it usually is. */
const additions = ['541836', '7'.repeat(52), '1'.repeat(33), '45153', twelveTimes('-0.9165215479156338'), sqrt]

/** What the monitor inserts every five seconds, between two times. */
async function insertSamples(database: Database, from: Date, to: Date): Promise<void> {
  await database.query(
    `insert into stage_samples (at, stage, waiting, oldest_seconds, arrivals_per_second, served_per_second,
       drain_seconds, utilisation, members, partitions, partitions_assigned, missing, verdict, sentence)
     select at, name, 3, 0.004, ${MESSAGES_A_SECOND}, ${MESSAGES_A_SECOND}, 0.03, 0.2, 1, 4, 4, 0, 'OK', name || ' keeps up'
     from generate_series($1::timestamptz, $2, interval '5 s') at cross join stages on conflict do nothing`,
    [from, to],
  )
  await database.query(
    `insert into ledger_samples (at, entered, in_flight, finished, dead, duplicates, missing)
     select at, 1000, 3, 997, 0, 0, 0 from generate_series($1::timestamptz, $2, interval '5 s') at
     on conflict do nothing`,
    [from, to],
  )
}

/** The counters for so many messages, and alert notifications of the past. */
async function insertCounters(database: Database, count: number): Promise<void> {
  await database.query(
    `insert into counters (stage, partition, target, entered, finished, processed, dead, busy_seconds)
     select name, p, lead(topic, 1, 'finish') over (partition by p order by position),
       case when position = 1 then $1::bigint / 4 else 0 end,
       case when position = max(position) over () then $1::bigint / 4 * 99 / 100 else 0 end,
       $1::bigint / 4 * (case when position < 3 then 100 else 99 end) / 100,
       case when position = 3 then $1::bigint / 400 else 0 end, 100
     from stages cross join generate_series(0, 3) p`,
    [count],
  )
  await database.query(
    `insert into alert_notifications (received_at, status, alert, stage, severity, summary, starts_at, ends_at, fingerprint)
     select now() - i * interval '7 min', case when i % 2 = 0 then 'resolved' else 'firing' end, 'Backlog too old', 'lcm',
       'warning', 'lcm has fallen behind', now() - (i - i % 2) * interval '7 min', null, 'f' || i / 2
     from generate_series(0, 399) i`,
  )
}
