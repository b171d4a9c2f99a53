import type { Database } from '../sql/database.ts'
import type { OutageTracker } from '../pipeline/retry.ts'
import { missingNow } from './ledger.ts'
import type { Memory } from './memory.ts'
import { readAccount } from './read-account.ts'
import type { GroupSample } from './sample.ts'
import { takeGroups, type GroupReader } from './take-sample.ts'

/** What the monitor asks. */
export interface Sources {
  /** The broker, group by group, in the order of the flow. */
  readonly readers: readonly GroupReader[]
  readonly database: Database
  readonly kafka: OutageTracker
  readonly postgres: OutageTracker
}

/**
 * Looks once at both accounts, the broker's and the rows', and remembers what it sees. One of the two servers may be
 * away: then what the other says is remembered.
 */
export async function observe(sources: Sources, memory: Memory): Promise<void> {
  const { readers, database, kafka, postgres } = sources
  const account = () => asking(postgres, () => readAccount(database))
  const before = await account()
  const groups = await asking(kafka, () => takeGroups(readers))
  const at = performance.now() / 1000
  if (groups !== undefined) memory.addSample({ at, wallMs: Date.now(), groups })
  const after = await account()
  if (before === undefined || groups === undefined || after === undefined) return
  const waiting = new Map([...groups].map(([name, group]) => [name, waitingIn(group)]))
  memory.addAccount({ at, account: after, missing: missingNow({ before, after }, waiting) })
}

function waitingIn({ partitions }: GroupSample): number {
  return partitions.reduce((sum, partition) => sum + partition.waiting, 0)
}

/** Undefined when the server is away, which the log says once. */
export async function asking<T>(server: OutageTracker, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    const answer = await ask()
    server.works()
    return answer
  } catch (error) {
    if (!(error instanceof Error) || error instanceof TypeError) throw error
    server.failed(error)
    return undefined
  }
}
