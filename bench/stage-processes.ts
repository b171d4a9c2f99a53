import { startChild, type Child } from '../local/child-process.ts'
import { freePort } from '../local/free-port.ts'
import { obituary } from '../local/run-to-end.ts'
import { pipeline } from '../stages/index.ts'
import { metricSum } from './metric-sum.ts'
import { peakMemory, type Components } from './processor-time.ts'
import { script } from './throughline.ts'

/** How a stage is run: flags of Node if any, a script and its arguments. */
export interface StageCommand {
  readonly stage: string
  readonly args: readonly string[]
}

/** Every stage as everybody runs it. */
export const asShipped: readonly StageCommand[] = pipeline.map(({ name }) => ({
  stage: name,
  args: ['cli/throughline.ts', 'run', name],
}))

/** The same without metrics and health. */
export const unwatched: readonly StageCommand[] = pipeline.map(({ name }) => ({
  stage: name,
  args: ['bench/unwatched-stage.ts', name],
}))

/** The same again, without rows. */
export const rowless: readonly StageCommand[] = pipeline.map(({ name }) => ({
  stage: name,
  args: ['bench/rowless-stage.ts', name],
}))

/** What watches them. */
export const monitor: StageCommand = { stage: 'monitor', args: ['cli/throughline.ts', 'monitor'] }

/** What exports their traces. */
export const tracer: StageCommand = { stage: 'tracer', args: ['cli/throughline.ts', 'tracer'] }

/** Whether a process is one of the stages, by its name. */
export const isStage = (name: string): boolean => pipeline.some((stage) => stage.name === name)

export interface StageProcesses extends AsyncDisposable {
  readonly pids: readonly number[]
  /** Those of each stage. */
  components(): Components
  start(command: StageCommand): Promise<void>
  /** @throws {Error} with its last words when one has ended */
  requireAlive(): Promise<void>
  /** Whether all of them are connected and have their partitions. */
  areReady(): Promise<boolean>
  /** The sum of a metric over all of them. */
  sumOf(metric: string, label?: string): Promise<number>
  /** The most memory that a stage's processes ever had, in MB: that of the largest. */
  peakMemory(stage: string): number
}

interface Running extends StageCommand {
  readonly child: Child
  readonly port: number
}

/** Prometheus asks as often. */
const SCRAPE_EVERY_MS = 5000

/** Starts stages side by side. Their metrics are read every five seconds, as they would be by Prometheus. */
export async function startStages(
  commands: readonly StageCommand[],
  env: NodeJS.ProcessEnv,
): Promise<StageProcesses> {
  await using starting = new AsyncDisposableStack()
  const all: Running[] = []
  const start = async (command: StageCommand) => {
    const port = await freePort()
    const child = await startChild(script(command.args, { ...env, METRICS_PORT: String(port) }))
    all.push({ ...command, child, port })
  }
  starting.defer(async () => void (await Promise.all(all.map(({ child }) => child.stop()))))
  for (const command of commands) await start(command)
  const ask = (path: string) => Promise.all(all.map(({ port }) => askDoor(port, path)))
  const scraping = setInterval(() => void ask('/metrics'), SCRAPE_EVERY_MS)
  starting.defer(() => clearInterval(scraping))
  const running = starting.move()
  return {
    get pids() {
      return all.map(({ child }) => child.pid)
    },
    components: () =>
      Object.fromEntries(
        Map.groupBy(all, ({ stage }) => stage)
          .entries()
          .map(([stage, own]) => [stage, own.map(({ child }) => child.pid)]),
      ),
    start,
    async requireAlive() {
      const dead = all.find(({ child }) => child.ended)?.child
      if (dead !== undefined) throw new Error(`${await obituary(dead)}:\n${dead.lastLines()}`)
    },
    areReady: async () => (await ask('/readyz')).every((answer) => answer?.ok),
    async sumOf(metric, label) {
      const pages = (await ask('/metrics')).map((answer) => answer?.text ?? '')
      return pages.reduce((sum, page) => sum + metricSum(page, metric, label), 0)
    },
    peakMemory: (stage) =>
      Math.max(...all.filter((one) => one.stage === stage).map(({ child }) => peakMemory(child.pid))),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

async function askDoor(port: number, path: string): Promise<{ ok: boolean; text: string } | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`)
    return { ok: response.ok, text: await response.text() }
  } catch {
    // It starts just now, or stops.
    return undefined
  }
}
