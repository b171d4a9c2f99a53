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
  return memory(pid, 'status', 'VmHWM')
}

/** The memory that it has resident now, in MB. */
export function residentMemory(pid: number): number {
  return memory(pid, 'status', 'VmRSS')
}

/** The memory that it and all its children have resident now, in MB: what several of them share counts once. */
export function familyMemory(pid: number): number {
  const own = memory(pid, 'smaps_rollup', 'Pss')
  return childrenOf(pid).reduce((sum, child) => sum + familyMemory(child), own)
}

function memory(pid: number, file: string, field: string): number {
  const path = `/proc/${pid}/${file}`
  if (!existsSync(path)) return 0
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(path, 'utf8'))?.[1]
  return (Number(kib ?? 0) * 1024) / 1e6
}

/** Whether the system tells which children a process has; the processes of Postgres could not be found without. */
export function tellsOfChildren(): boolean {
  return existsSync(childrenFile(process.pid))
}

function childrenOf(pid: number): number[] {
  const path = childrenFile(pid)
  // It is gone.
  if (!existsSync(path)) return []
  return readFileSync(path, 'utf8').trim().split(' ').filter(Boolean).map(Number)
}

const childrenFile = (pid: number) => `/proc/${pid}/task/${pid}/children`

/** Processes by what they are part of. */
export type Components = Readonly<Record<string, readonly number[]>>
