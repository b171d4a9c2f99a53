import { existsSync, readFileSync } from 'node:fs'
import type { Child } from './child-process.ts'

/**
 * Sends a signal to a child and its own children, which Postgres puts into groups of their own. Where the system has no
 * /proc only the child itself gets it.
 */
export function killFamily(child: Child, signal: NodeJS.Signals): void {
  // A parent that stands still gets no more children and lets none disappear while we go through them.
  child.kill('SIGSTOP')
  for (const pid of childrenOf(child)) process.kill(pid, signal)
  child.kill(signal)
  if (signal !== 'SIGSTOP') child.kill('SIGCONT')
}

function childrenOf({ pid, ended }: Child): number[] {
  const list = `/proc/${pid}/task/${pid}/children`
  if (ended || !existsSync(list)) return []
  return readFileSync(list, 'utf8').trim().split(' ').filter(Boolean).map(Number)
}
