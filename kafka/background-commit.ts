import type { EachBatchPayload } from 'kafkajs'
import { timeouts, within } from '../telemetry/timeouts.ts'

/** How kafkajs commits: each batch brings the same functions, which know what is resolved in all partitions. */
type Committing = Pick<EachBatchPayload, 'uncommittedOffsets' | 'commitOffsetsIfNecessary'>

/**
 * Milliseconds between a message and its commit. Without them, at a hundred messages a second, the commits cost a fifth of the
 * broker's processor time and a tenth of the stages', and end to end takes a fifth longer. A crash brings the messages of that
 * time again, and a backlog has them for that long.
 */
const COMMIT_AFTER_MS = 100
const RETRY_AFTER_MS = 1000

/**
 * Commits in the background what is resolved: one request at a time, for all partitions, so that the next fetch does not wait
 * for it. A failed commit is repeated.
 */
export function createBackgroundCommit(stopping: AbortSignal) {
  let latest: Committing | undefined
  let failure: unknown
  let timer: NodeJS.Timeout | undefined
  let sent = Promise.resolve()

  const schedule = (ms: number) => (timer ??= setTimeout(() => void flush(), ms))
  const unschedule = () => {
    clearTimeout(timer)
    timer = undefined
  }
  const send = async (): Promise<void> => {
    unschedule()
    const offsets = latest?.uncommittedOffsets()
    if (latest === undefined || offsets === undefined || offsets.topics.length === 0) return
    const by = latest
    try {
      await within(timeouts.commit, 'OffsetCommit', by.commitOffsetsIfNecessary(offsets))
      failure = undefined
    } catch (error) {
      if (by !== latest || stopping.aborted) return
      failure = error
      schedule(RETRY_AFTER_MS)
    }
  }
  /** Commits now what is resolved; settles, without an error, when the broker has answered. */
  const flush = () => (sent = sent.then(send))

  return {
    flush,
    /** Commits soon what is resolved. */
    soon(by: Committing): void {
      latest = by
      schedule(COMMIT_AFTER_MS)
    },
    /** @throws the error of the last commit, unless a later one succeeded: no more messages may be handled */
    throwIfFailed(): void {
      if (failure !== undefined) throw failure
    },
    /** Forgets what is not committed: the group was joined anew, and its messages come again. */
    reset(): void {
      unschedule()
      latest = undefined
      failure = undefined
    },
  }
}
