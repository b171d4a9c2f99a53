import { setTimeout as pause } from 'node:timers/promises'
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import { findProgram } from '../local/find-program.ts'
import { runToEnd } from '../local/run-to-end.ts'
import { childEnvironment } from '../pipeline/config.ts'
import type { Machine, Rest } from './report.ts'

export function describeMachine(): Machine {
  const all = cpus()
  return {
    processor: all[0]?.model ?? 'unknown',
    cores: all.length,
    memoryGib: totalmem() / 2 ** 30,
    system: `${type()} ${release()}`,
    versions: {
      Node: process.version,
      Tempo: findProgram('tempo') === undefined ? 'not installed' : 'installed',
    },
  }
}

const LOOK_MS = 3000

/** Looks for three seconds at what the machine does while the bench does nothing. */
export async function lookAtRest(): Promise<Rest> {
  const before = idleAndAll()
  await pause(LOOK_MS)
  const after = idleAndAll()
  const busy = 1 - (after.idle - before.idle) / Math.max(1, after.all - before.all)
  return { load: loadavg(), busy }
}

function idleAndAll(): { idle: number; all: number } {
  const times = cpus().map((core) => core.times)
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  return { idle: sum(times.map(({ idle }) => idle)), all: sum(times.flatMap((each) => Object.values(each))) }
}

/** The commit that is measured, and whether there is more than it. */
export async function currentCommit(): Promise<string> {
  const git = async (...args: readonly string[]) =>
    (
      await runToEnd({
        name: 'git',
        command: 'git',
        args,
        cwd: import.meta.dirname,
        env: childEnvironment({}),
      })
    ).trim()
  const commit = await git('rev-parse', '--short=12', 'HEAD').catch(() => '')
  // Sources that came as an archive have no history.
  if (commit === '') return 'unknown'
  const changed = await git('status', '--porcelain', '--untracked-files=no')
  return changed === '' ? commit : `${commit} with changes that are not committed`
}
