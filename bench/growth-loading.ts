import { databaseSettings, type Database } from '../sql/database.ts'
import { Pool } from 'pg'
import {
  makeCounters,
  makeMessages,
  makePastDays,
  makeSamples,
  PAGE,
  RATE,
  ROWS_A_MESSAGE,
} from './growth-rows.ts'
import type { Bench } from './part.ts'
import type { Trial } from './trial.ts'

/** Rows as a flow leaves them. */
export interface GrownFlow {
  /** Lets the flow go on until now. */
  readonly keepUp: () => Promise<void>
}

/** Over which the messages are spread. Those of a day come one after the other, and the last of them about now. */
export const DAYS = 20
const DAY_MS = 86_400_000
/** Samples of the monitor for so many rows of results: at ten million they reach back for 14 days. */
const ROWS_A_SAMPLE = 40
const FOURTEEN_DAYS_MS = 14 * DAY_MS
const SAMPLE_MS = 5000

/** Makes up as many rows of results as asked for, up to about now, and has them analysed. */
export async function grow({ config }: Trial, rows: number, bench: Bench): Promise<GrownFlow> {
  const { progress, signal } = bench
  const begun = performance.now()
  const database = patientDatabase(config)
  try {
    const now = Date.now()
    const aDay = Math.ceil(rows / ROWS_A_MESSAGE / DAYS)
    const historyMs = Math.min(FOURTEEN_DAYS_MS, (rows / ROWS_A_SAMPLE) * SAMPLE_MS)
    await makePastDays(database, DAYS)
    await makeSamples(database, new Date(now - historyMs), new Date(now))
    await makeCounters(database, aDay * DAYS)
    let next = new Date(now)
    for (let day = DAYS - 1; day >= 0; day -= 1) {
      next = new Date(now - day * DAY_MS - (aDay * 1000) / RATE)
      for (let made = 0; made < aDay; made += PAGE) {
        signal.throwIfAborted()
        const count = Math.min(PAGE, aDay - made)
        next = await makeMessages(database, { from: next, count, isBacklog: (made / PAGE) % 10 === 1 })
      }
      progress.now(`    ${DAYS - day} of ${DAYS} days are made`)
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

/** A page of thousands of rows is no query of the pipeline: it may take as long as it does. */
export function patientDatabase(config: Trial['config']): Database {
  return new Pool({ ...databaseSettings(config), query_timeout: 600_000, max: 1 })
}

function keepUp(config: Trial['config'], from: Date): GrownFlow['keepUp'] {
  let next = from
  return async () => {
    const database = patientDatabase(config)
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
