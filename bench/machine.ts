import { readdir } from 'node:fs/promises'
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { ChildOptions } from '../local/child-process.ts'
import { findProgram } from '../local/find-program.ts'
import { java } from '../local/java.ts'
import { kafkaJars } from '../local/kafka-jars.ts'
import { installedPostgres } from '../local/postgres-files.ts'
import { runToEnd } from '../local/run-to-end.ts'
import { childEnvironment, readConfig } from '../pipeline/config.ts'
import type { Machine, Rest } from './report.ts'
import { processorsSoFar } from './spending.ts'

export async function describeMachine(): Promise<Machine> {
  const all = cpus()
  return {
    processor: all[0]?.model ?? 'unknown',
    cores: all.length,
    memoryGib: totalmem() / 2 ** 30,
    system: `${type()} ${release()}`,
    versions: await versions(),
  }
}

async function versions(): Promise<Machine['versions']> {
  const { KAFKA_HOME: kafkaHome } = readConfig()
  const jars = await kafkaJars({ kafkaHome, say: () => {} })
  const postgres = join(await installedPostgres(), 'bin', 'postgres')
  const tempo = findProgram('tempo')
  return {
    Node: process.version,
    Java: /version "(.+?)"/.exec(await output(java(['-version'])))?.[1] ?? 'unknown',
    Kafka: (await readdir(jars)).join(' ').match(/kafka-server-common-([\d.]+)\.jar/)?.[1] ?? 'unknown',
    Postgres: /[\d.]+/.exec(await output({ command: postgres, args: ['--version'] }))?.[0] ?? 'unknown',
    Tempo: tempo === undefined ? 'not installed' : await tempoVersion(tempo),
  }
}

/** One that was built from its sources by hand does not know. */
async function tempoVersion(command: string): Promise<string> {
  const said = await output({ command, args: ['--version'] })
  return /version v?(\d[\w.-]*)/.exec(said)?.[1] ?? 'of a version that it does not tell'
}

function output(command: Pick<ChildOptions, 'command' | 'args'>): Promise<string> {
  return runToEnd({ name: command.command, ...command, env: childEnvironment({}) })
}

const LOOK_MS = 3000

/** Looks for three seconds at what the machine does while the bench does nothing. */
export async function lookAtRest(): Promise<Rest> {
  const before = processorsSoFar()
  await pause(LOOK_MS)
  const after = processorsSoFar()
  return { load: loadavg(), busy: (after.busy - before.busy) / (after.all - before.all) }
}

/** The commit that is measured, and whether there is more than it. */
export async function currentCommit(): Promise<string> {
  const git = async (...args: readonly string[]) =>
    (await output({ command: 'git', args: ['-C', import.meta.dirname, ...args] })).trim()
  const commit = await git('rev-parse', '--short=12', 'HEAD').catch(() => '')
  // Sources that came as an archive have no history.
  if (commit === '') return 'unknown'
  const changed = await git('status', '--porcelain', '--untracked-files=no')
  return changed === '' ? commit : `${commit} with changes that are not committed`
}
