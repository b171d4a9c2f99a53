import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from 'pg'
import type { Child } from '../../../local/child-process.ts'
import { findProgram, freePort, temporaryDirectory } from '../../../local/host-resources.ts'
import { startThroughline } from '../../../local/throughline-process.ts'
import { startPrometheus, targetsOf } from '../../../local/observability-servers.ts'
import { childEnvironment } from '../../../pipeline/config.ts'
import { databaseSettings } from '../../../sql/database.ts'
import { makeReportingRole } from '../../../sql/reporting-role.ts'
import { pipeline as catalogue } from '../../../stages/index.ts'
import { waitUntil } from '../../../telemetry/wait-until.ts'
import { queryPrometheus } from './prometheus.ts'
import { freshPipeline, type FreshPipeline } from '../fresh-pipeline.ts'

/** A pipeline of real processes with Grafana's data sources. */
export interface MonitoredPipeline extends FreshPipeline {
  /** The port of a Prometheus that scrapes all processes; undefined when it is not installed. */
  readonly prometheus: number | undefined
  /** Connected to Postgres with Grafana's role. */
  readonly grafanaClient: Pick<Client, 'query'>
  /** The password of Grafana's role. */
  readonly grafanaPassword: string
  /** The processes by stage name or "monitor", with their ports for /metrics. */
  readonly processes: ReadonlyMap<string, { readonly child: Child; readonly port: number }>
}

const commands = [...catalogue.map(({ name }) => ['run', name]), ['monitor']]

/**
 * @param settings environment variables for all processes
 * @param more processes besides the stages and the monitor
 */
export async function startMonitoredPipeline(
  settings: Record<string, string> = {},
  more: readonly ('tracer' | 'generator')[] = [],
): Promise<MonitoredPipeline> {
  await using starting = new AsyncDisposableStack()
  const pipeline = starting.use(await freshPipeline(settings))
  // Grafana before 10 rejects a password with spaces.
  const password = 'of-the-test'
  await makeReportingRole(pipeline.database, password, pipeline.log)
  const grafanaClient = new Client({ ...databaseSettings(pipeline.config), user: 'grafana', password })
  await grafanaClient.connect()
  starting.defer(() => grafanaClient.end())
  const all = [...commands, ...more.map((name) => [name])]
  const ports = await Promise.all(all.map(() => freePort()))
  const processes = new Map<string, { child: Child; port: number }>()
  for (const [index, args] of all.entries()) {
    const [name = '', port = 0] = [args.at(-1), ports[index]]
    const env = childEnvironment({ ...pipeline.env, METRICS_PORT: String(port) })
    processes.set(name, { child: starting.use(await startThroughline({ name, args, env })), port })
  }
  const prometheus = await scrape(ports, starting)
  const running = starting.move()
  return {
    ...pipeline,
    prometheus,
    grafanaClient,
    grafanaPassword: password,
    processes,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

async function scrape(ports: readonly number[], starting: AsyncDisposableStack): Promise<number | undefined> {
  const command = findProgram('prometheus')
  if (command === undefined) return undefined
  const { path } = starting.use(await temporaryDirectory())
  const dataDir = join(path, 'prometheus')
  const port = await freePort()
  starting.use(await startPrometheus({ command, port, dataDir }))
  const targets = ports.map((each) => `localhost:${each}`)
  await writeFile(join(targetsOf(dataDir), 'test.json'), JSON.stringify([{ targets }]))
  // Increases before the first scrape of a process are not visible.
  const isScraped = async () => (await countTargetsUp(port)) === ports.length
  await waitUntil('scraped', isScraped, { timeoutMs: 120_000, everyMs: 200 })
  return port
}

async function countTargetsUp(port: number): Promise<number> {
  const { result } = (await queryPrometheus(port, 'query', {
    query: 'up{job="throughline"} == 1',
  })) as { result: unknown[] }
  return result.length
}
