import { startChild, type Child } from '../local/child-process.ts'
import { freePort } from '../local/free-port.ts'
import { obituary } from '../local/run-to-end.ts'
import { pipeline } from '../stages/index.ts'
import { metricSum } from './metric-sum.ts'
import { peakMemory } from './processor-time.ts'
import { script } from './throughline.ts'

/** How a stage is run: a script and its arguments. */
export interface StageCommand {
  readonly args: readonly string[]
  /** Whether it answers /metrics and /readyz. */
  readonly hasDoors: boolean
}

/** Every stage as everybody runs it. */
export const asShipped: readonly StageCommand[] = pipeline.map(({ name }) => ({
  args: ['cli/throughline.ts', 'run', name],
  hasDoors: true,
}))

/** The same without metrics, health and traces. */
export const unwatched: readonly StageCommand[] = pipeline.map(({ name }) => ({
  args: ['bench/unwatched-stage.ts', name],
  hasDoors: false,
}))

/** What watches them. */
export const monitor: StageCommand = { args: ['cli/throughline.ts', 'monitor'], hasDoors: true }

export interface StageProcesses extends AsyncDisposable {
  readonly pids: readonly number[]
  /** @throws {Error} with its last words when one has ended */
  requireAlive(): Promise<void>
  /** Whether all of those that can say so are connected and have their partitions. */
  areReady(): Promise<boolean>
  /** Spans that they gave up so far. */
  lostSpans(): Promise<number>
  /** The most memory that any of them ever had, in MB. */
  peakMemory(): number
}

/** Prometheus asks as often. */
const SCRAPE_EVERY_MS = 5000

/** Starts stages side by side. Their metrics are read every five seconds, as they would be by Prometheus. */
export async function startStages(
  commands: readonly StageCommand[],
  env: NodeJS.ProcessEnv,
): Promise<StageProcesses> {
  await using starting = new AsyncDisposableStack()
  const children: Child[] = []
  const ports: number[] = []
  for (const { args, hasDoors } of commands) {
    const port = await freePort()
    const own = { ...env, METRICS_PORT: String(port) }
    children.push(starting.use(await startChild(script(args, own))))
    if (hasDoors) ports.push(port)
  }
  const ask = (path: string) => Promise.all(ports.map((port) => askDoor(port, path)))
  const scraping = setInterval(() => void ask('/metrics'), SCRAPE_EVERY_MS)
  starting.defer(() => clearInterval(scraping))
  const running = starting.move()
  return {
    pids: children.map(({ pid }) => pid),
    async requireAlive() {
      const dead = children.find(({ ended }) => ended)
      if (dead !== undefined) throw new Error(`${await obituary(dead)}:\n${dead.lastLines()}`)
    },
    areReady: async () => (await ask('/readyz')).every((answer) => answer?.ok),
    async lostSpans() {
      const pages = (await ask('/metrics')).map((answer) => answer?.text ?? '')
      return pages.reduce((sum, page) => sum + metricSum(page, 'throughline_spans_lost_total'), 0)
    },
    peakMemory: () => Math.max(...children.map(({ pid }) => peakMemory(pid))),
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
