import { Client } from 'pg'
import type { Config } from '../pipeline/config.ts'
import { databaseSettings, type Queryable } from '../sql/database.ts'

/** The place of the one monitor that samples; others stand by. */
export interface Seat {
  /**
   * Takes the seat when it is free, or confirms that it is ours. Whoever has it loses it with the connection, and with
   * 20 s of silence: one that is frozen, or cut off, must not have it for ever.
   * @throws when Postgres is away: whose it is cannot be known
   */
  hold(): Promise<boolean>
  /** The connection that has the seat; undefined when it is not ours. Over it nobody writes who has lost the seat. */
  readonly connection: Queryable | undefined
  leave(): void
}

/** Any number does, as long as it is always the same. */
const LOCK = 7_403_119

export function createSeat(config: Config): Seat {
  let client: Client | undefined
  let isOurs = false
  const close = () => {
    // A server that does not answer says no goodbye, and nobody waits for it.
    client?.end(() => {})
    client = undefined
    isOurs = false
  }
  const ask = async () => {
    try {
      client ??= await connect(config, close)
      const text = isOurs ? 'select true as ours' : 'select pg_try_advisory_lock($1) as ours'
      const { rows } = await client.query<{ ours: boolean }>(text, isOurs ? [] : [LOCK])
      isOurs = rows[0]?.ours ?? false
      return isOurs
    } catch (error) {
      close()
      throw error
    }
  }
  return {
    async hold() {
      const wasOpen = client !== undefined
      try {
        return await ask()
      } catch (error) {
        // Postgres may have ended the connection, and be there all the same.
        if (wasOpen) return await ask()
        throw error
      }
    },
    get connection() {
      return isOurs ? client : undefined
    },
    leave: close,
  }
}

async function connect(config: Config, onBroken: () => void): Promise<Client> {
  const client = new Client(databaseSettings(config))
  // The lock went with the connection. The next hold says what is wrong.
  client.on('error', onBroken)
  await client.connect()
  await client.query("set idle_session_timeout = '20s'")
  return client
}
