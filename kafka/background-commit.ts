import type { EachBatchPayload } from 'kafkajs'
import { timeouts, within } from '../telemetry/timeouts.ts'

/** What is resolved in all partitions of the member, and how to commit it. Every batch brings these functions. */
type Committing = Pick<EachBatchPayload, 'uncommittedOffsets' | 'commitOffsetsIfNecessary'>

/** Told when commits fail again and again, when nothing is left to commit, and when the group is joined anew. */
export interface CommitOutage {
  failed(error: Error): void
  recovered(): void
  end(): void
}

/**
 * Milliseconds between a message and its commit, usually; while the broker gives no answer, up to `timeouts.commit`. For that long
 * a message that is done counts as waiting, and comes again after a crash. What it gains: bench/PROFILE.md.
 */
const COMMIT_AFTER_MS = 100
const RETRY_AFTER_MS = 1000

/**
 * Commits in the background what is resolved: one request at a time for all partitions, so that the next fetch does not wait
 * for it. A failed commit is repeated until it succeeds or the group is joined anew. Batches of nothing but control records are
 * committed by `watchConsumer`.
 */
export function createBackgroundCommit(stopping: AbortSignal, outage: CommitOutage) {
  let latest: Committing | undefined
  let failure: Error | undefined
  let timer: NodeJS.Timeout | undefined
  let sent = Promise.resolve()
  let joins = 0

  const schedule = (ms: number) => (timer ??= setTimeout(() => void flush(), ms))
  const unschedule = () => {
    clearTimeout(timer)
    timer = undefined
  }
  const send = async (): Promise<void> => {
    unschedule()
    const joinsBefore = joins
    try {
      const { topics } = latest?.uncommittedOffsets() ?? { topics: [] }
      if (latest !== undefined && topics.length > 0) {
        await within(timeouts.commit, 'OffsetCommit', latest.commitOffsetsIfNecessary({ topics }))
      }
      if (joins !== joinsBefore) return
      outage.recovered()
      failure = undefined
    } catch (error) {
      if (joins !== joinsBefore || stopping.aborted) return
      // The first failure may be a rebalance, or a coordinator that has moved.
      if (failure !== undefined) outage.failed(error as Error)
      failure = error as Error
      schedule(RETRY_AFTER_MS)
    }
  }
  /** Commits now what is resolved; settles, without an error, when the broker has answered. */
  const flush = () => (sent = sent.then(send))

  return {
    flush,
    /** Commits soon what is resolved. */
    soon(by: Committing | undefined): void {
      latest = by
      schedule(COMMIT_AFTER_MS)
    },
    /** The error of the last commit; undefined when it succeeded. No more messages may be handled until one does. */
    failure: () => failure,
    /** How often the group was joined or left: what was fetched before the last time must not be resolved any more. */
    joins: () => joins,
    /** Forgets what is not committed. Its messages come again, here or at another member. */
    reset(): void {
      unschedule()
      outage.end()
      latest = undefined
      failure = undefined
      // A request of before that has no answer does not delay those that come.
      sent = Promise.resolve()
      joins += 1
    },
  }
}
