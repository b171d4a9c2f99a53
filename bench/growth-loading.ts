import { databaseSettings, type Database } from '../pipeline/database.ts'
import { Pool } from 'pg'
import { makeAccount, makeMessages, makeSamples, PAGE, RATE, ROWS_A_MESSAGE } from './growth-rows.ts'
import type { Bench } from './part.ts'
import type { Trial } from './trial.ts'

/** Rows as a flow leaves them. */
export interface GrownFlow {
  /** Lets the flow go on until now. */
  readonly keepUp: () => Promise<void>
}

/** Samples of the monitor for so many rows of results: at ten million they reach back for the retention of 14 days. */
const ROWS_A_SAMPLE = 40
const FOURTEEN_DAYS_MS = 14 * 86_400_000
const SAMPLE_MS = 5000

/** Makes up as many rows of results as asked for, up to about now, and has them analysed. */
export async function grow({ config }: Trial, rows: number, bench: Bench): Promise<GrownFlow> {
  const { progress, signal } = bench
  const begun = performance.now()
  // A page of ten thousand rows is no query of the pipeline: it may take as long as it does.
  const database: Database = new Pool({ ...databaseSettings(config), query_timeout: 600_000, max: 1 })
  try {
    const count = Math.ceil(rows / ROWS_A_MESSAGE)
    let next = new Date(Date.now() - (count * 1000) / RATE)
    const historyMs = Math.min(FOURTEEN_DAYS_MS, (rows / ROWS_A_SAMPLE) * SAMPLE_MS)
    await makeSamples(database, new Date(Date.now() - historyMs), new Date())
    await makeAccount(database, count)
    for (let made = 0; made < count; made += PAGE) {
      signal.throwIfAborted()
      next = await makeMessages(database, {
        from: next,
        count: Math.min(PAGE, count - made),
        isBacklog: (made / PAGE) % 10 === 1,
      })
      progress.now(
        `    ${made.toLocaleString('en-US')} of ${count.toLocaleString('en-US')} messages are made`,
      )
    }
    // Brings the map of visible rows and the summaries of the index up to date, as autovacuum does in time.
    await database.query('vacuum analyze')
    await database.query('checkpoint')
    const seconds = ((performance.now() - begun) / 1000).toFixed(0)
    progress.say(`  ${rows.toLocaleString('en-US')} rows, made in ${seconds} s`)
    return { keepUp: keepUp(config, next) }
  } finally {
    await database.end()
  }
}

function keepUp(config: Trial['config'], from: Date): GrownFlow['keepUp'] {
  let next = from
  return async () => {
    const database: Database = new Pool({ ...databaseSettings(config), query_timeout: 600_000, max: 1 })
    try {
      const now = new Date()
      const count = Math.floor(((now.getTime() - next.getTime()) * RATE) / 1000)
      await makeSamples(database, new Date(now.getTime() - 2 * SAMPLE_MS), now)
      if (count > 0) next = await makeMessages(database, { from: next, count, isBacklog: false })
    } finally {
      await database.end()
    }
  }
}
