import { exitMessage, startChild, type Child, type ChildOptions } from '../local/child-process.ts'
import { freePort } from '../local/host-resources.ts'
import { script } from '../local/throughline-process.ts'
import { pipeline } from '../stages/index.ts'
import { waitUntil } from '../telemetry/wait-until.ts'
import type { Components } from './machine.ts'

/** A process to start: flags of Node if any, a script and its arguments. */
export interface ProcessCommand {
  /** The name of the stage, or `tracer` or `monitor`. */
  readonly name: string
  readonly args: readonly string[]
}

export const stages: readonly ProcessCommand[] = pipeline.map(({ name }) => ({
  name,
  args: ['cli/throughline.ts', 'run', name],
}))
export const monitor: ProcessCommand = { name: 'monitor', args: ['cli/throughline.ts', 'monitor'] }
export const tracer: ProcessCommand = { name: 'tracer', args: ['cli/throughline.ts', 'tracer'] }

/** A stage without metrics, which takes so many milliseconds for each message. */
export const plainStage = (name: string, delayMs = 0): ProcessCommand => ({
  name,
  args: ['bench/plain-stage.ts', name, String(delayMs)],
})

export const isStage = (name: string): boolean => pipeline.some((stage) => stage.name === name)

export function throughline(args: readonly string[], env: NodeJS.ProcessEnv): ChildOptions {
  return script(['cli/throughline.ts', ...args], env)
}

export interface Processes extends AsyncDisposable {
  /** Process ids by the name of the command. */
  components(): Components
  start(command: ProcessCommand): Promise<void>
  /** @throws {Error} with the last lines of a process that has ended */
  requireAlive(): Promise<void>
  /** The sum of a metric over all processes and series, or over the series with a label. */
  sumOf(metric: string, label?: string): Promise<number>
}

/** As often as Prometheus does. */
const SCRAPE_EVERY_MS = 5000

/** Starts processes side by side and settles when all of them are ready. Their metrics are scraped, as in production. */
export async function startProcesses(
  commands: readonly ProcessCommand[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<Processes> {
  await using starting = new AsyncDisposableStack()
  const all: { readonly name: string; readonly child: Child; readonly port: number }[] = []
  starting.defer(async () => void (await Promise.all(all.map(({ child }) => child.stop()))))
  const start = async ({ name, args }: ProcessCommand) => {
    const port = await freePort()
    all.push({ name, port, child: await startChild(script(args, { ...env, METRICS_PORT: String(port) })) })
  }
  for (const command of commands) await start(command)
  const get = (path: string) => Promise.all(all.map(({ port }) => getText(`http://127.0.0.1:${port}${path}`)))
  const scraping = setInterval(() => void get('/metrics'), SCRAPE_EVERY_MS)
  starting.defer(() => clearInterval(scraping))
  const requireAlive = async () => {
    const ended = all.find(({ child }) => child.ended)?.child
    if (ended !== undefined) throw new Error(`${await exitMessage(ended)}:\n${ended.outputTail()}`)
  }
  const areReady = async () => {
    await requireAlive()
    return (await get('/readyz')).every((page) => page !== undefined)
  }
  await waitUntil('The processes are ready', areReady, { timeoutMs: 60_000, everyMs: 100, signal })
  const running = starting.move()
  return {
    components() {
      const byName = Map.groupBy(all, ({ name }) => name).entries()
      return Object.fromEntries(byName.map(([name, own]) => [name, own.map(({ child }) => child.pid)]))
    },
    start,
    requireAlive,
    async sumOf(metric, label) {
      return (await get('/metrics')).reduce((sum, page = '') => sum + metricSum(page, metric, label), 0)
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** Undefined when the answer is an error, or none comes because the process is starting or stopping. */
async function getText(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url)
    const text = await response.text()
    return response.ok ? text : undefined
  } catch {
    return undefined
  }
}

/** The sum of all series of a metric on a page for Prometheus, or of those with a label; 0 when there are none. */
export function metricSum(page: string, name: string, label = ''): number {
  const lines = page.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
  // A timestamp may follow the value, and labels may contain spaces.
  const values = lines
    .filter((line) => line.includes(label))
    .map((line) =>
      Number(
        line
          .replace(/^.*\}|^\S+/, '')
          .trim()
          .split(' ')[0],
      ),
    )
  return values.reduce((sum, value) => sum + value, 0)
}
