import type { Admin } from '../../kafka/client.ts'
import type { Config } from '../../pipeline/config.ts'
import type { Database } from '../../sql/database.ts'
import { waitUntil, WaitTimeout } from '../../telemetry/wait-until.ts'
import { findBacklog } from './checks/ledger.ts'

/** Settling may take any time as long as something changes within these milliseconds. */
const STUCK_MS = 120_000

/** Waits until the backlog of every stage is empty. Returns false when nothing has changed for two minutes before that. */
export async function waitUntilSettled(admin: Admin, config: Config, database: Database): Promise<boolean> {
  let last = ''
  const isSettled = async () => {
    const backlog = await findBacklog(admin, config)
    const { rows } = await database.query('select sum(processed), sum(dead), sum(duplicates) from counters')
    const current = JSON.stringify([backlog, rows])
    // Twice the same: a record that one stage has just sent is then in the backlog of the next.
    const isUnchanged = current === last
    last = current
    return isUnchanged && backlog.length === 0
  }
  try {
    return await waitUntil('settled', isSettled, { timeoutMs: STUCK_MS, everyMs: 500, progress: () => last })
  } catch (error) {
    if (error instanceof WaitTimeout) return false
    throw error
  }
}
