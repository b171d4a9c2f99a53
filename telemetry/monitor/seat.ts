import { Client } from 'pg'
import type { Config } from '../../pipeline/config.ts'
import { databaseSettings } from '../../pipeline/database.ts'

/** The place of the one monitor that samples; others stand by. */
export interface Seat {
  /**
   * Takes the seat when it is free, or confirms that it is ours. Whoever has it loses it with the connection.
   * @throws when Postgres is away: whose it is cannot be known
   */
  hold(): Promise<boolean>
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
  return {
    async hold() {
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
    },
    leave: close,
  }
}

async function connect(config: Config, onBroken: () => void): Promise<Client> {
  const client = new Client(databaseSettings(config))
  // The lock went with the connection. The next hold says what is wrong.
  client.on('error', onBroken)
  await client.connect()
  return client
}
