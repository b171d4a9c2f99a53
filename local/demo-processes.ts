import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { childEnvironment, exportsTraces } from '../pipeline/config.ts'
import { pipeline } from '../stages/index.ts'
import { type Child, exitMessage } from './child-process.ts'
import { freePort } from './host-resources.ts'
import { targetsOf } from './observability-servers.ts'
import { startThroughline } from './throughline-process.ts'

/** The demo did not show what it should. The message is for the user: no stack trace, exit code 1. */
export class DemoFailure extends Error {
  override readonly name = 'DemoFailure'
}

const SHOWN_LINES = 15

export interface WatchedProcess extends Pick<Child, 'name' | 'exited' | 'outputTail'> {
  /** Whether it may end with exit code 0. */
  readonly mayFinish?: boolean
}

/** Aborts the demo with a {@link DemoFailure} when the process ends by itself; after that, processes may end. */
export async function abortOnExit(watched: WatchedProcess, ending: AbortController): Promise<void> {
  const { name, exited, outputTail, mayFinish } = watched
  const { code, signal } = await exited
  if (ending.signal.aborted || (mayFinish && code === 0)) return
  const how = signal === null ? `with exit code ${code}` : `by ${signal}`
  const lines = outputTail().split('\n').slice(-SHOWN_LINES)
  ending.abort(new DemoFailure([`${name} has ended ${how}. Its last lines:`, ...lines].join('\n')))
}

export interface ProcessesOptions {
  /** The directory above Prometheus' data, where it looks for the ports of the processes. */
  readonly dataDir: string
  readonly monitorPort: number
  /** Changes to the environment of this process. */
  readonly env: Readonly<Record<string, string>>
  readonly onLine: (name: string, line: string) => void
  readonly signal: AbortSignal
}

export type DemoProcesses = ReturnType<typeof demoProcesses>

/** In the order of their end, with the milliseconds until SIGKILL. The generators' group has `migrate`, too. */
const graceMs = { generators: 1500, stages: 3000, tracers: 1500 }

/**
 * The processes of the pipeline. Disposing stops them: the generator first, so that no message enters, and the tracer last,
 * so that it exports what the stages have just finished.
 */
export function demoProcesses(options: ProcessesOptions) {
  const hasTracer = exportsTraces(childEnvironment(options.env))
  // Promises, because the demo can end while a process is being started.
  const children: Record<keyof typeof graceMs, Promise<Child>[]> = { generators: [], stages: [], tracers: [] }
  const run = (group: keyof typeof graceMs, child: Process) => {
    const starting = start(options, child)
    children[group].push(starting)
    return starting
  }
  return {
    /** Whether traces are exported, and so whether there is a tracer. */
    hasTracer,
    /** Brings database and topics up to date. */
    async migrate(): Promise<void> {
      const child = await run('generators', { name: 'migrate', args: ['migrate'], port: 0 })
      const { code } = await child.exited
      options.signal.throwIfAborted()
      if (code !== 0) throw new DemoFailure(`${await exitMessage(child)}:\n${child.outputTail()}`)
    },
    /** Starts the stages, the monitor, and the tracer if there is one. */
    startStages(): Promise<readonly Child[]> {
      const stages = pipeline.map(({ name }) => run('stages', { name, args: ['run', name] }))
      const monitor = run('stages', { name: 'monitor', args: ['monitor'], port: options.monitorPort })
      const tracers = hasTracer ? [run('tracers', { name: 'tracer', args: ['tracer'] })] : []
      return Promise.all([...stages, monitor, ...tracers])
    },
    /** @param messages how many to send at once; undefined for no end */
    startGenerator(messages?: number): Promise<Child> {
      const amount = messages === undefined ? [] : ['--messages', String(messages)]
      return run('generators', { name: 'generator', args: ['generator', ...amount] })
    },
    async [Symbol.asyncDispose](): Promise<void> {
      for (const group of ['generators', 'stages', 'tracers'] as const) {
        const stopping = children[group].map(async (child) => (await child).stop({ graceMs: graceMs[group] }))
        // A process that could not be started needs no end, and its error has been reported.
        await Promise.allSettled(stopping)
      }
    },
  }
}

interface Process {
  readonly name: string
  readonly args: readonly string[]
  /** The port of its metrics, which Prometheus scrapes; a free one when left out, none when 0. */
  readonly port?: number
}

async function start(
  { dataDir, env, onLine, signal }: ProcessesOptions,
  { name, args, port: wanted }: Process,
): Promise<Child> {
  const port = wanted ?? (await freePort())
  // One file for each process, because they start at the same time.
  const targets = targetsOf(join(dataDir, 'prometheus'))
  await mkdir(targets, { recursive: true })
  if (port > 0) await writeFile(join(targets, `${name}.json`), JSON.stringify([{ targets: [`localhost:${port}`] }]))
  signal.throwIfAborted()
  return await startThroughline({
    name,
    args,
    // INPUT_TOPIC and OUTPUT_TOPIC of one stage would be those of all stages.
    env: childEnvironment({ ...env, METRICS_PORT: String(port), INPUT_TOPIC: '', OUTPUT_TOPIC: '' }),
    onLine: (line) => onLine(name, line),
  })
}
