import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from 'pg'
import { vi } from 'vitest'
import type { Child } from '../../local/child-process.ts'
import { findProgram } from '../../local/find-program.ts'
import { freePort } from '../../local/free-port.ts'
import { startProcess } from '../../local/pipeline-process.ts'
import { startPrometheus, targetsOf } from '../../local/prometheus.ts'
import { throwAwayDirectory } from '../../local/throw-away-directory.ts'
import { childEnvironment } from '../../pipeline/config.ts'
import { databaseSettings } from '../../sql/database.ts'
import { makeReportingRole } from '../../sql/reporting-role.ts'
import { pipeline as catalogue } from '../../stages/index.ts'
import { askPrometheus } from './ask-prometheus.ts'
import { freshPipeline, type FreshPipeline } from './fresh-pipeline.ts'

/** A pipeline of real processes, with everybody whom Grafana asks. */
export interface AskedPipeline extends FreshPipeline {
  /** The port of a Prometheus that scrapes all processes; undefined where none is installed. */
  readonly prometheus: number | undefined
  /** Asks Postgres as Grafana does: with its role. */
  readonly asGrafana: Pick<Client, 'query'>
  /** Of its role. */
  readonly grafanaPassword: string
  /** By the stage's name, or "monitor": the process, and the port at which it answers. */
  readonly processes: ReadonlyMap<string, { readonly child: Child; readonly port: number }>
}

const commands = [...catalogue.map(({ name }) => ['run', name]), ['monitor']]

/** @param settings what the processes have in their environment beside what they need */
export async function askedPipeline(settings: Record<string, string> = {}): Promise<AskedPipeline> {
  await using starting = new AsyncDisposableStack()
  const pipeline = starting.use(await freshPipeline(settings))
  // Grafana before 10 takes none with blanks.
  const password = 'of-the-test'
  await makeReportingRole(pipeline.database, password, pipeline.log)
  const asGrafana = new Client({ ...databaseSettings(pipeline.config), user: 'grafana', password })
  await asGrafana.connect()
  starting.defer(() => asGrafana.end())
  const ports = await Promise.all(commands.map(() => freePort()))
  const processes = new Map<string, { child: Child; port: number }>()
  for (const [index, args] of commands.entries()) {
    const [name = '', port = 0] = [args.at(-1), ports[index]]
    const env = childEnvironment({ ...pipeline.env, METRICS_PORT: String(port) })
    processes.set(name, { child: starting.use(await startProcess({ name, args, env })), port })
  }
  const prometheus = await scrape(ports, starting)
  const running = starting.move()
  return {
    ...pipeline,
    prometheus,
    asGrafana,
    grafanaPassword: password,
    processes,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

async function scrape(ports: readonly number[], starting: AsyncDisposableStack): Promise<number | undefined> {
  const command = findProgram('prometheus')
  if (command === undefined) return undefined
  const { path } = starting.use(await throwAwayDirectory())
  const dataDir = join(path, 'prometheus')
  const port = await freePort()
  starting.use(await startPrometheus({ command, port, dataDir, say: () => {} }))
  const targets = ports.map((each) => `localhost:${each}`)
  await writeFile(join(targetsOf(dataDir), 'test.json'), JSON.stringify([{ targets }]))
  // What happens before a process is scraped is no increase.
  await vi.waitUntil(async () => (await scraped(port)) === ports.length, { timeout: 120_000, interval: 200 })
  return port
}

async function scraped(port: number): Promise<number> {
  const { result } = (await askPrometheus(port, 'query', {
    query: 'up{job="throughline"} == 1',
  })) as { result: unknown[] }
  return result.length
}
