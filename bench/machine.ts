import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'
import { sum } from 'simple-statistics'
import { runToEnd } from '../local/child-process.ts'
import { findProgram } from '../local/host-resources.ts'
import { UserError } from '../telemetry/user-error.ts'

/** Process ids by the component that they belong to, such as the stages or Postgres. */
export type Components = Readonly<Record<string, readonly number[]>>

/** @throws {UserError} when /proc does not show what processes and their children use */
export function requireProc(): void {
  if (existsSync(`/proc/self/task/${process.pid}/children`)) return
  throw new UserError('The bench needs a Linux with CONFIG_PROC_CHILDREN: it reads the CPU time of processes in /proc.')
}

/**
 * Starts to measure; the returned function gives the usage since then: seconds of CPU time by component, and the percentage of
 * all cores that everything else used, the bench included.
 */
export function measureCpu(components: Components) {
  const [before, machineBefore] = [secondsOf(components), machineSeconds()]
  return () => {
    const [after, machine] = [secondsOf(components), machineSeconds()]
    const used = Object.entries(after).map(([name, seconds]) => [name, seconds - (before[name] ?? 0)] as const)
    const others = machine.busy - machineBefore.busy - sum(used.map(([, seconds]) => seconds))
    const othersPercent = Math.max(0, (others / (machine.all - machineBefore.all)) * 100)
    return { components: Object.fromEntries(used) as Readonly<Record<string, number>>, othersPercent }
  }
}

const secondsOf = (components: Components): Record<string, number> =>
  Object.fromEntries(Object.entries(components).map(([name, pids]) => [name, sum(pids.map(processSeconds))]))

/** CPU seconds of all cores since the machine started. */
function machineSeconds(): { busy: number; all: number } {
  const times = cpus().map((core) => core.times)
  const all = sum(times.flatMap((each) => Object.values(each))) / 1000
  return { busy: all - sum(times.map(({ idle }) => idle)) / 1000, all }
}

/** Linux reports CPU time in hundredths of a second (USER_HZ), whatever its own timer does. */
const TICKS_A_SECOND = 100

/** CPU seconds of a process and all its children, living and ended; 0 when it has ended. */
function processSeconds(pid: number): number {
  // The name of the process is in parentheses and may contain some. After it, utime, stime, cutime and cstime are the fields 12 to 15.
  const [, fields = ''] = /^.*\) (.*)$/s.exec(procFile(pid, 'stat')) ?? []
  const own = sum(fields.split(' ').slice(11, 15).map(Number)) / TICKS_A_SECOND
  return own + sum(childrenOf(pid).map(processSeconds))
}

export function childrenOf(pid: number): number[] {
  return procFile(pid, `task/${pid}/children`).split(' ').filter(Boolean).map(Number)
}

/**
 * The resident memory of a process in MB, now (VmRSS, of which RssAnon is not shared), or the most since its start (VmHWM);
 * 0 when it has ended.
 */
export function memoryOf(pid: number, field: 'VmRSS' | 'RssAnon' | 'VmHWM'): number {
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(procFile(pid, 'status'))?.[1]
  return (Number(kib ?? 0) * 1024) / 1e6
}

/** How many files and sockets a process has open; 0 when it has ended. */
export function handlesOf(pid: number): number {
  return unlessEnded(() => readdirSync(`/proc/${pid}/fd`).length, 0)
}

/** Empty when the process has ended. */
function procFile(pid: number, name: string): string {
  return unlessEnded(() => readFileSync(`/proc/${pid}/${name}`, 'utf8'), '')
}

/** Reads something of a process in /proc, which may end meanwhile. */
function unlessEnded<T>(read: () => T, otherwise: T): T {
  try {
    return read()
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return otherwise
    throw error
  }
}

/** "2 cores of AMD EPYC, 24 GiB, Linux 6.18, Node v24.21.0, with Tempo". Kafka and Postgres are those of the commit. */
export function describeMachine(): string {
  const all = cpus()
  const memory = `${(totalmem() / 2 ** 30).toFixed(0)} GiB`
  const tempo = findProgram('tempo') === undefined ? 'without Tempo (TEMPO_BIN): spans are dropped' : 'with Tempo'
  return `${all.length} cores of ${all[0]?.model}, ${memory}, ${type()} ${release()}, Node ${process.version}, ${tempo}`
}

/** The commit that is measured, with "-dirty" when the sources differ from it; "unknown" without a repository. */
export async function currentCommit(): Promise<string> {
  const args = ['-C', import.meta.dirname, 'describe', '--always', '--dirty', '--abbrev=12', '--exclude=*']
  return (await runToEnd({ name: 'git', command: 'git', args }).catch(() => 'unknown')).trim()
}
