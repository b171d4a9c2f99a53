import { existsSync } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { childEnvironment, readConfig } from '../pipeline/config.ts'
import { unlessAborted } from '../telemetry/wait-until.ts'
import { showPipeline } from './demo-messages.ts'
import { openLog } from './demo-output.ts'
import { DemoFailure, abortOnExit, demoProcesses } from './demo-processes.ts'
import { startServers } from './demo-servers.ts'
import { freePort, temporaryDirectory } from './host-resources.ts'

export interface DemoOptions {
  /** How many messages to send and wait for; undefined for no end. */
  readonly messages?: number
  readonly keep?: true
  readonly kafkaPort: number
  /** Whether Prometheus, Tempo and Grafana are started where they are installed. */
  readonly watchers: boolean
}

/**
 * The demo from start to end: everything that it starts has stopped when the promise settles.
 * @param ending ends the demo when it is aborted, with its reason; aborted at the end in any case
 * @throws {UserError} when something is missing that the user can provide
 * @throws {DemoFailure} when a message does not come through, or a process ends
 */
export async function runDemo(
  { messages, keep, kafkaPort, watchers }: DemoOptions,
  say: (line: string) => void,
  ending: AbortController,
): Promise<void> {
  const config = readConfig()
  const { signal } = ending
  await using data = await openData(keep === true)
  await using log = openLog(join(data.path, LOG))
  say(`The demo ${data.about}.`)
  const [dataDir, monitorPort] = [data.path, await freePort()]
  const options = { config, kafkaPort, monitorPort, watchers, dataDir, say, signal }
  await using servers = await startServers(options)
  const own = servers.all.flatMap(({ name, process }) => (process === undefined ? [] : [{ name, process }]))
  for (const { name, process } of own) {
    void abortOnExit({ ...process, name }, ending)
  }
  const env = Object.assign({}, ...servers.all.map((server) => server.env)) as Record<string, string>
  await using processes = demoProcesses({ env, dataDir, monitorPort, onLine: log.add, signal })
  const pipeline = {
    config: readConfig(childEnvironment(env)),
    servers: servers.all,
    processes,
    log,
    say,
    ending,
  }
  try {
    await unlessAborted(showPipeline(pipeline, messages), signal)
  } catch (error) {
    if (!(error instanceof DemoFailure)) throw error
    const where = `The log of all processes: ${await data.saveLog()}`
    throw new DemoFailure(`${error.message}\n${where}`, { cause: error })
  } finally {
    // From here on, processes may end.
    ending.abort(new Error('The demo is over'))
    const ours = ['generator', 'stages', 'monitor', ...(processes.hasTracer ? ['tracer'] : [])]
    say(`\nStopping: ${[...ours, ...own.map(({ name }) => name)].join(', ')}`)
  }
}

const KEPT = join(import.meta.dirname, '..', '.data')
const LOG = 'demo.log'

/** The directory of the demo's data; disposing removes it, unless it is kept. `saveLog` moves the log out of it and returns its path. */
async function openData(keep: boolean) {
  if (keep) {
    const about = existsSync(KEPT)
      ? 'goes on with the data in .data'
      : 'keeps its data in .data, and goes on with it when you start it with --keep again'
    await mkdir(KEPT, { recursive: true })
    return { path: KEPT, about, saveLog: async () => join(KEPT, LOG), async [Symbol.asyncDispose]() {} }
  }
  const { path, remove } = await temporaryDirectory()
  const saveLog = async () => {
    await rename(join(path, LOG), `${path}.log`)
    return `${path}.log`
  }
  const about = 'throws its data away at the end; --keep keeps it'
  return { path, about, saveLog, [Symbol.asyncDispose]: remove }
}
