import { childEnvironment, readConfig } from '../pipeline/config.ts'
import { openData } from './demo-data.ts'
import { DemoFailure, mustLive } from './demo-endings.ts'
import { openLog } from './demo-log.ts'
import { unlessAborted } from './demo-patience.ts'
import { showPipeline } from './demo-pipeline.ts'
import { demoProcesses } from './demo-processes.ts'
import { startServers } from './demo-servers.ts'
import { freePort } from './free-port.ts'

export interface DemoOptions {
  /** How many to let in and wait for; undefined for ever. */
  readonly messages?: number
  readonly keep?: true
  readonly kafkaPort: number
  /** Whether Prometheus, Tempo and Grafana are started where they are installed. */
  readonly watchers: boolean
}

export interface DemoSurroundings {
  readonly say: (line: string) => void
  /** Ends the demo when it is aborted, with its reason. The demo itself aborts it when it is over. */
  readonly ending: AbortController
}

/**
 * The demo from start to end: everything that it starts has stopped when it settles.
 * @throws {UserError} when something is missing that a person can provide
 * @throws {DemoFailure} when a message does not come through, or a process ends
 */
export async function runDemo(options: DemoOptions, { say, ending }: DemoSurroundings): Promise<void> {
  const config = readConfig()
  const { signal } = ending
  await using data = await openData(options.keep === true)
  await using log = openLog(data.logPath)
  say(`The demo ${data.about}.`)
  const { kafkaPort, watchers } = options
  const [dataDir, monitorPort] = [data.path, await freePort()]
  const planned = { config, kafkaPort, monitorPort, watchers, dataDir, say, signal }
  await using servers = await startServers(planned)
  const own = servers.all.flatMap(({ name, process }) => (process === undefined ? [] : [{ name, process }]))
  for (const { name, process } of own) {
    mustLive({ name, exited: process.exited, lastLines: process.lastLines }, ending)
  }
  const env = Object.assign({}, ...servers.all.map((server) => server.env)) as Record<string, string>
  await using processes = demoProcesses({ env, dataDir, monitorPort, onLine: log.add, signal })
  try {
    const shown = showPipeline({
      config: readConfig(childEnvironment(env)),
      doors: servers.all,
      processes,
      log,
      say,
      ending,
      messages: options.messages,
    })
    await unlessAborted(shown, signal)
  } catch (error) {
    if (!(error instanceof DemoFailure)) throw error
    const where = `The log of all processes: ${await data.saveLog()}`
    throw new DemoFailure(`${error.message}\n${where}`, { cause: error })
  } finally {
    // From here on processes may end.
    ending.abort(over)
    const ours = ['generator', 'stages', 'monitor', ...(processes.hasTracer ? ['tracer'] : [])]
    say(`\nStopping: ${[...ours, ...own.map(({ name }) => name)].join(', ')}`)
  }
}

const over = new Error('The demo is over')
