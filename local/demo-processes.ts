import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { childEnvironment, exportsTraces } from '../pipeline/config.ts'
import { pipeline } from '../stages/index.ts'
import { countOf } from '../stages/refusal.ts'
import { type Child, type ChildOptions, exitMessage, runToEnd } from './child-process.ts'
import { freePort } from './host-resources.ts'
import { answersHttp } from './local-server.ts'
import { targetsOf } from './observability-servers.ts'
import { script, startThroughline } from './throughline-process.ts'

/** The demo did not show what it should. The message is for the user: no stack trace, exit code 1. */
export class DemoFailure extends Error {
  override readonly name = 'DemoFailure'
}

/** Aborts the demo with a {@link DemoFailure} when the process ends by itself; after that, processes may end. */
export async function abortOnExit(
  child: Pick<Child, 'name' | 'exited' | 'outputTail'>,
  ending: AbortController,
  { mayFinish = false, mayEnd = () => false }: { mayFinish?: boolean; mayEnd?: () => boolean } = {},
): Promise<void> {
  const { code } = await child.exited
  if (ending.signal.aborted || (mayFinish && code === 0) || mayEnd()) return
  ending.abort(new DemoFailure(`${await exitMessage(child)}:\n${child.outputTail()}`))
}

export interface ProcessesOptions {
  /** The directory above Prometheus' data, where it looks for the ports of the processes. */
  readonly dataDir: string
  readonly monitorPort: number
  /** Changes to the environment of this process. */
  readonly env: Readonly<Record<string, string>>
  readonly onLine: (name: string, line: string) => void
  /** Aborted with a {@link DemoFailure} when a process ends by itself. */
  readonly ending: AbortController
}

export type DemoProcesses = ReturnType<typeof demoProcesses>

/**
 * The processes of the pipeline. Disposing stops them: the generator first, so that no message enters, and the tracer last,
 * so that it exports what the stages have just finished.
 */
export function demoProcesses(options: ProcessesOptions) {
  const { env, onLine, monitorPort, ending } = options
  const tracers = exportsTraces(childEnvironment(env)) ? ['tracer'] : []
  // Promises, because the demo can end while a process is being started.
  const children = { generators: [] as Promise<Child>[], stages: [] as Promise<Child>[], tracers: [] as Promise<Child>[] }
  const stagePorts: number[] = []
  return {
    /** In the order of their end. */
    names: ['generator', 'stages', 'monitor', ...tracers],
    /** Brings database and topics up to date. */
    async migrate(): Promise<void> {
      const command = { ...script(['cli/throughline.ts', 'migrate'], environment(env, 0)), name: 'migrate' }
      const { signal } = ending
      await runToEnd({ ...command, onLine: (line) => onLine('migrate', line), signal }).catch((cause: Error) => {
        signal.throwIfAborted()
        throw new DemoFailure(cause.message, { cause })
      })
    },
    /** Starts the stages, the monitor, and the tracer if traces are exported. */
    async startStages(): Promise<void> {
      for (const { name } of pipeline) {
        const port = await freePort()
        stagePorts.push(port)
        children.stages.push(start(options, { name, args: ['run', name], port }))
      }
      children.stages.push(start(options, { name: 'monitor', args: ['monitor'], port: monitorPort }))
      children.tracers.push(...tracers.map((name) => start(options, { name, args: [name] })))
      await Promise.all([...children.stages, ...children.tracers])
    },
    /** How many stage processes say that they are not ready. */
    async countNotReady(): Promise<number> {
      const ready = await Promise.all(stagePorts.map((port) => answersHttp(`http://localhost:${port}/readyz`)))
      return ready.filter((isReady) => !isReady).length
    },
    /** @param messages how many to send at once; undefined for no end */
    startGenerator(messages?: number): Promise<Child> {
      const args = ['generator', ...(messages === undefined ? [] : ['--messages', String(messages)])]
      const starting = start(options, { name: 'generator', args, mayFinish: messages !== undefined })
      children.generators.push(starting)
      return starting
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await stopAll(children.generators, 1500)
      await stopAll(children.stages, 3000)
      await stopAll(children.tracers, 1500)
    },
  }
}

/** A process that could not be started needs no end, and its error has been reported. */
async function stopAll(children: readonly Promise<Child>[], graceMs: number): Promise<void> {
  await Promise.allSettled(children.map(async (child) => await (await child).stop({ graceMs })))
}

interface Process extends Pick<ChildOptions, 'name' | 'args'> {
  /** The port of its metrics, which Prometheus scrapes; a free one when left out. */
  readonly port?: number
  /** Whether it may end with exit code 0. */
  readonly mayFinish?: boolean
}

async function start({ dataDir, env, onLine, ending }: ProcessesOptions, process: Process): Promise<Child> {
  const { name, args, port = await freePort(), mayFinish = false } = process
  // One file for each process, because they start at the same time.
  const targets = targetsOf(join(dataDir, 'prometheus'))
  await mkdir(targets, { recursive: true })
  await writeFile(join(targets, `${name}.json`), JSON.stringify([{ targets: [`localhost:${port}`] }]))
  ending.signal.throwIfAborted()
  const own = environment(env, port)
  const child = await startThroughline({ name, args, env: own, onLine: (line) => onLine(name, line) })
  void abortOnExit(child, ending, { mayFinish })
  return child
}

/** INPUT_TOPIC and OUTPUT_TOPIC of one stage would be those of all stages. */
function environment(env: ProcessesOptions['env'], metricsPort: number): NodeJS.ProcessEnv {
  return childEnvironment({ ...env, METRICS_PORT: String(metricsPort), INPUT_TOPIC: '', OUTPUT_TOPIC: '', SCENARIOS: 'on' })
}

export type DemoLog = ReturnType<typeof openLog>

const NEWEST = 3

/** The output of all processes: every line in a file, and the warnings for the terminal. */
export function openLog(path: string) {
  const file = createWriteStream(path)
  const newest: string[] = []
  let warnings = 0
  const warn = (text: string) => {
    warnings += 1
    newest.push(text)
    if (newest.length > NEWEST) newest.shift()
  }
  return {
    path,
    warn,
    /** Adds a line of a process. */
    add(name: string, line: string) {
      // JSON lines name their process themselves; others, such as a crash, do not.
      file.write(line.startsWith('{') ? `${line}\n` : `${name}: ${line}\n`)
      if (!/^\{"level":"(warn|error|fatal)"/.test(line)) return
      const { msg } = JSON.parse(line) as { msg?: string }
      if (msg !== undefined) warn(`${name}: ${msg}`)
    },
    /** How many there were and the three newest, oldest first; empty without warnings. */
    warningLines(): string[] {
      if (warnings === 0) return []
      return [`${countOf(warnings, 'warning')} so far, all of them in ${path}`, ...newest]
    },
    async [Symbol.asyncDispose]() {
      file.end()
      await once(file, 'close')
    },
  }
}
