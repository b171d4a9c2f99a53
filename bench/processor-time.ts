import { existsSync, readFileSync } from 'node:fs'

/** Linux tells programs of processor time in hundredths of a second (USER_HZ), whatever its own clock does. */
const TICKS_A_SECOND = 100

/** utime, stime, and the same of children that have ended: fields 14 to 17 of proc_pid_stat(5), counted behind the name. */
const TIMES = { from: 11, to: 15 }

/** Seconds of processor time that a process and all its children, living and dead, have used. A process that is gone used none. */
export function processorSeconds(pid: number): number {
  const path = `/proc/${pid}/stat`
  if (!existsSync(path)) return 0
  // The name is in parentheses, and may have some of its own.
  const [, rest = ''] = /^.*\) (.*)$/s.exec(readFileSync(path, 'utf8')) ?? []
  const ticks = rest.split(' ').slice(TIMES.from, TIMES.to).map(Number)
  const own = ticks.reduce((sum, each) => sum + each, 0) / TICKS_A_SECOND
  return childrenOf(pid).reduce((sum, child) => sum + processorSeconds(child), own)
}

/** The most memory that a process ever had resident, in MB; 0 when it is gone. */
export function peakMemory(pid: number): number {
  return memory(pid, 'VmHWM')
}

/** The memory that it has resident now, in MB. */
export function residentMemory(pid: number): number {
  return memory(pid, 'VmRSS')
}

function memory(pid: number, field: string): number {
  const path = `/proc/${pid}/status`
  if (!existsSync(path)) return 0
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(path, 'utf8'))?.[1]
  return (Number(kib ?? 0) * 1024) / 1e6
}

function childrenOf(pid: number): number[] {
  const path = `/proc/${pid}/task/${pid}/children`
  if (!existsSync(path)) return []
  return readFileSync(path, 'utf8').trim().split(' ').filter(Boolean).map(Number)
}

/** Processes by what they are part of. */
export type Components = Readonly<Record<string, readonly number[]>>

/** Seconds of processor time of each component so far. */
export function usedBy(components: Components): Record<string, number> {
  return Object.fromEntries(
    Object.entries(components).map(([name, pids]) => [
      name,
      pids.reduce((sum, pid) => sum + processorSeconds(pid), 0),
    ]),
  )
}
