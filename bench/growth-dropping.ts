import { setTimeout as pause } from 'node:timers/promises'
import type { Timed } from './growth-asking.ts'
import { DAYS, patientDatabase } from './growth-loading.ts'
import { makeMessages } from './growth-rows.ts'
import { DROP_A_DAY } from './growth-questions.ts'
import type { Bench } from './part.ts'
import type { Trial } from './trial.ts'

/** As many as a stage saves at a time. */
const BATCH = 500
const TIMES = 5

/**
 * Drops the oldest days, one after the other, as the monitor does, while a writer inserts messages of today with all their
 * rows as fast as it can. Says how long a day takes, and the longest insert in that time: it waits where a lock makes it.
 */
export async function dropDays({ config }: Trial, bench: Bench): Promise<Timed[]> {
  if (!bench.wants(DROP_A_DAY)) return []
  bench.progress.now(`    ${DROP_A_DAY}`)
  const [keeper, writer] = [patientDatabase(config), patientDatabase(config)]
  const over = new AbortController()
  let inserts: number[] = []
  const write = async () => {
    while (!over.signal.aborted && !bench.signal.aborted) {
      const begun = performance.now()
      await makeMessages(writer, { from: new Date(), count: BATCH, isBacklog: false })
      inserts.push(performance.now() - begun)
    }
  }
  const hasOlder =
    "select from day_partitions where day < (now() at time zone 'UTC')::date - $1::integer limit 1"
  const keep = async (days: number) => {
    while ((await keeper.query(hasOlder, [days])).rowCount !== 0) {
      bench.signal.throwIfAborted()
      await keeper.query('select from keep_partitions($1)', [days])
    }
  }
  const writing = write()
  const days: number[] = []
  const longest: number[] = []
  try {
    for (let time = 0; time < TIMES; time += 1) {
      inserts = []
      const begun = performance.now()
      await keep(DAYS - 2 - time)
      days.push(performance.now() - begun)
      // The insert that was under way may have waited, too.
      while (inserts.length === 0) await pause(10)
      longest.push(Math.max(...inserts))
    }
  } finally {
    over.abort()
    await writing
    await Promise.all([keeper.end(), writer.end()])
  }
  return [
    { name: DROP_A_DAY, milliseconds: days },
    { name: `${DROP_A_DAY}, its longest insert`, milliseconds: longest },
  ]
}
