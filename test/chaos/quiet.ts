import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin } from 'kafkajs'
import type { Config } from '../../pipeline/config.ts'
import type { Database } from '../../sql/database.ts'
import { waitingAtBroker } from './account.ts'

/** As long as the pipeline gets on, it may take any time; without a step for so long it hangs. */
const PATIENCE_MS = 120_000

/**
 * Waits until nothing waits in front of any stage, or until nothing has changed for two minutes.
 * Returns whether it became quiet.
 */
export async function untilQuiet(admin: Admin, config: Config, database: Database): Promise<boolean> {
  let seen = ''
  let changedAt = performance.now()
  while (performance.now() - changedAt < PATIENCE_MS) {
    const waiting = await waitingAtBroker(admin, config)
    const { rows } = await database.query('select sum(processed), sum(dead), sum(duplicates) from counters')
    const now = JSON.stringify([waiting, rows])
    // Twice the same, and nothing waits: what one stage has just sent is then seen in front of the next.
    if (now === seen && waiting.length === 0) return true
    if (now !== seen) changedAt = performance.now()
    seen = now
    await sleep(500)
  }
  return false
}
