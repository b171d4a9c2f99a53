import type { Config } from '../pipeline/config.ts'
import { createClient, select, type Queryable } from '../sql/database.ts'

export type LeaderLock = ReturnType<typeof createLeaderLock>

/** Any number, the same in every monitor. */
const LOCK_KEY = 7_403_119

/** A Postgres advisory lock. The one monitor that holds it samples and writes; the others stand by. */
export function createLeaderLock(config: Config) {
  let client: ReturnType<typeof createClient> | undefined
  let isHeld = false
  const release = () => {
    // Not waited for: a server that is away does not answer.
    client?.end(() => {})
    client = undefined
    isHeld = false
  }
  const connect = async () => {
    const opened = createClient(config)
    // The lock went with the connection; the next `acquire` says what is wrong.
    opened.on('error', release)
    await opened.connect()
    await opened.query("set idle_session_timeout = '20s'")
    return opened
  }
  /**
   * Acquires the lock when it is free, or confirms that this process holds it. The lock goes with its connection, which
   * Postgres closes after 20 s without a query, so a holder that is frozen or cut off loses it.
   * @throws when Postgres is away: the holder is unknown then
   */
  const acquire = async (): Promise<boolean> => {
    const wasOpen = client !== undefined
    try {
      client ??= await connect()
      // True again for the connection that holds it.
      const [row] = await select<{ held: boolean }>(client, `select pg_try_advisory_lock(${LOCK_KEY}) as held`)
      isHeld = row?.held ?? false
      return isHeld
    } catch (error) {
      release()
      // Postgres may have closed the connection, and be there all the same.
      if (wasOpen) return await acquire()
      throw error
    }
  }
  return {
    acquire,
    release,
    /** The connection that holds the lock, undefined without it: a process that lost the lock cannot write over it. */
    get connection(): Queryable | undefined {
      return isHeld ? client : undefined
    },
  }
}
