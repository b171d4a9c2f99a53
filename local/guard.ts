import { spawn } from 'node:child_process'
import { once } from 'node:events'

// `read` returns when the other end of the pipe closes, which happens however its holder ends, by -9 too.
const SCRIPT = 'read -r _; kill -s KILL -- "-$1"'

/**
 * Ties the life of a process group to ours: a shell waits for the end of a pipe that only we hold, then kills the group.
 * `release` closes the pipe early, when the group's leader has ended, which also takes whatever the leader left behind.
 */
export function guardGroup(group: number): { release(): Promise<void> } {
  const guard = spawn('/bin/sh', ['-c', SCRIPT, 'guard', String(group)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const closed = once(guard, 'close')
  return {
    async release() {
      guard.stdin.destroy()
      await closed
    },
  }
}
