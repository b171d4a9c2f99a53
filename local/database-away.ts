import type { Config } from '../pipeline/config.ts'
import { openDatabase, type Database } from '../sql/database.ts'
import { addEffects, readFaults, type FaultLease } from '../sql/scenarios.ts'
import { sleep } from '../telemetry/wait-until.ts'
import { abortOnExit } from './demo-processes.ts'
import type { LocalServer } from './local-server.ts'

interface AwayOptions {
  readonly config: Config
  readonly postgres: LocalServer
  /** How many stage processes are not ready now. */
  readonly countNotReady: () => Promise<number>
  readonly say: (line: string) => void
  /** Aborted when Postgres ends by itself, or does not start again. */
  readonly ending: AbortController
}

const READ_EVERY_MS = 1000

/**
 * Obeys the scenario `database-away`: kills the demo's Postgres, and starts it again when the lease ends, also when the command
 * that took the lease has been killed by then. The effects of the lease are the stage processes that were not ready meanwhile.
 * @returns when the demo ends
 */
export async function obeyDatabaseAway(options: AwayOptions): Promise<void> {
  const { config, postgres, ending } = options
  const { signal } = ending
  const database = openDatabase(config, 1)
  let isAway = false
  const watch = () => void abortOnExit(postgres, ending, { mayEnd: () => isAway })
  watch()
  try {
    while (!signal.aborted) {
      const leases = await readFaults(database, null).catch(() => [])
      const lease = leases.find(({ fault }) => fault === 'database-away')
      if (lease !== undefined) {
        isAway = true
        await takeAway(lease, database, options)
        isAway = false
        watch()
      }
      await sleep(READ_EVERY_MS, signal)
    }
  } catch (error) {
    ending.abort(error)
  } finally {
    await database.end()
  }
}

async function takeAway({ id, leftMs }: FaultLease, database: Database, options: AwayOptions): Promise<void> {
  const { postgres, countNotReady, say } = options
  const { signal } = options.ending
  await addEffects(database, id, 0)
  const endsAt = performance.now() + leftMs
  say(`The scenario database-away kills Postgres for ${Math.round(leftMs / 1000)} s.`)
  postgres.kill('SIGKILL')
  let notReady = 0
  while (performance.now() < endsAt && !signal.aborted) {
    notReady = Math.max(notReady, await countNotReady())
    await sleep(200, signal)
  }
  if (signal.aborted) return
  await postgres.restart()
  say('Postgres is up again.')
  await addEffects(database, id, notReady)
}
