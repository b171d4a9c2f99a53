import { existsSync, readFileSync } from 'node:fs'
import { cpus, platform, release, totalmem, type } from 'node:os'
import { sum } from 'simple-statistics'
import { runToEnd } from '../local/child-process.ts'
import { findProgram } from '../local/host-resources.ts'
import { java } from '../local/kafka-install.ts'
import { childEnvironment } from '../pipeline/config.ts'
import { UserError } from '../telemetry/user-error.ts'
import type { Figures } from './suite.ts'

/** Process ids by the component that they belong to, such as a stage or Postgres. */
export type Components = Readonly<Record<string, readonly number[]>>

export interface CpuUsage {
  /** Seconds of CPU time by component. */
  readonly components: Figures
  /** Percent of all cores: the bench itself, and everything else that is no component. */
  readonly shares: { readonly benchShare: number; readonly otherShare: number }
}

/** @throws {UserError} when /proc does not show what processes and their children use */
export function requireProc(): void {
  if (platform() !== 'linux') throw new UserError('The bench needs Linux: it reads CPU time and memory in /proc.')
  if (!existsSync(`/proc/self/task/${process.pid}/children`))
    throw new UserError('The bench needs a Linux with CONFIG_PROC_CHILDREN: /proc shows no children here.')
}

/** Starts to measure; the returned function gives the usage since then. */
export function measureCpu(components: Components): () => CpuUsage {
  const read = () => ({ ...machineSeconds(), bench: process.cpuUsage(), own: secondsOf(components) })
  const before = read()
  return () => {
    const after = read()
    const used = Object.entries(after.own).map(([name, seconds]) => [name, seconds - (before.own[name] ?? 0)] as const)
    const all = after.all - before.all
    const bench = (after.bench.user + after.bench.system - before.bench.user - before.bench.system) / 1e6
    const other = after.busy - before.busy - bench - sum(used.map(([, seconds]) => seconds))
    return {
      components: Object.fromEntries(used),
      shares: { benchShare: (bench / all) * 100, otherShare: Math.max(0, (other / all) * 100) },
    }
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
export function processSeconds(pid: number): number {
  // The name of the process is in parentheses and may contain some. After it, utime, stime, cutime and cstime are the fields 12 to 15.
  const [, fields = ''] = /^.*\) (.*)$/s.exec(procFile(pid, 'stat')) ?? []
  const own = sum(fields.split(' ').slice(11, 15).map(Number)) / TICKS_A_SECOND
  return own + sum(childrenOf(pid).map(processSeconds))
}

/** The most memory that a process had resident since its start, in MB; 0 when it has ended. */
export const peakMemory = (pid: number): number => memory(pid, 'status', 'VmHWM')

/** The memory that a process has resident, in MB. */
export const residentMemory = (pid: number): number => memory(pid, 'status', 'VmRSS')

/** The memory that a process and all its children have resident, in MB; pages that several of them share count once. */
export function familyMemory(pid: number): number {
  return memory(pid, 'smaps_rollup', 'Pss') + sum(childrenOf(pid).map(familyMemory))
}

function memory(pid: number, file: string, field: string): number {
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(procFile(pid, file))?.[1]
  return (Number(kib ?? 0) * 1024) / 1e6
}

const childrenOf = (pid: number) => procFile(pid, `task/${pid}/children`).trim().split(' ').filter(Boolean).map(Number)

/** Empty when the process has ended. */
function procFile(pid: number, name: string): string {
  const path = `/proc/${pid}/${name}`
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

/** "2 cores of AMD EPYC, 24 GiB, Linux 6.18, Node v24.21.0, Java 17.0.15, Tempo 3.0.3". Kafka and Postgres are those of the commit. */
export async function describeMachine(): Promise<string> {
  const all = cpus()
  const tempo = findProgram('tempo')
  return [
    `${all.length} cores of ${all[0]?.model}`,
    `${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    `${type()} ${release()}`,
    `Node ${process.version}`,
    `Java ${versionIn(await output(java(['-version'])))}`,
    tempo ? `Tempo ${versionIn(await output({ command: tempo, args: ['--version'] }))}` : 'no Tempo (TEMPO_BIN)',
  ].join(', ')
}

/** From `version "17.0.15"` or `version v3.0.3`; a Tempo that was built from its sources has none. */
const versionIn = (text: string) => /version "?v?(\d[\w.-]*)/.exec(text)?.[1] ?? 'of unknown version'

/** The commit that is measured, with "-dirty" when the sources differ from it; "unknown" without a repository. */
export async function currentCommit(): Promise<string> {
  const args = ['-C', import.meta.dirname, 'describe', '--always', '--dirty', '--abbrev=12', '--exclude=*']
  return (await output({ command: 'git', args }).catch(() => 'unknown')).trim()
}

function output(command: { readonly command: string; readonly args: readonly string[] }): Promise<string> {
  return runToEnd({ name: command.command, ...command, env: childEnvironment({}) })
}
