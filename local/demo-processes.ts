import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { childEnvironment, exportsTraces } from '../pipeline/config.ts'
import { pipeline } from '../stages/index.ts'
import type { Child } from './child-process.ts'
import { DemoFailure } from './demo-endings.ts'
import { freePort } from './free-port.ts'
import { startProcess } from './pipeline-process.ts'
import { targetsOf } from './prometheus.ts'
import { obituary } from './run-to-end.ts'

export interface ProcessesOptions {
  /** Where Prometheus looks for the ports of the processes. */
  readonly dataDir: string
  /** Where the monitor answers. */
  readonly monitorPort: number
  /** What the processes need in their environment beside ours. */
  readonly env: Readonly<Record<string, string>>
  readonly onLine: (name: string, line: string) => void
  readonly signal: AbortSignal
}

/**
 * The processes of the pipeline. Disposing stops them: the generator first, so that nothing more enters, and the tracer last,
 * so that it exports what the stages have just finished.
 */
export interface DemoProcesses extends AsyncDisposable {
  /** Whether traces are exported, and so whether there is a tracer. */
  readonly hasTracer: boolean
  /** Brings database and topics up to date. */
  migrate(): Promise<void>
  /** The stages, the monitor that watches them, and the tracer if there is one. */
  startStages(): Promise<readonly Child[]>
  /** @param messages how many to let in at once; undefined for ever */
  startGenerator(messages?: number): Promise<Child>
}

const FEEDERS_STOP_MS = 1500
const STAGES_STOP_MS = 3000
const TRACER_STOP_MS = 1500

export function demoProcesses(options: ProcessesOptions): DemoProcesses {
  const { start, startScraped } = starter(options)
  const hasTracer = exportsTraces(childEnvironment(options.env))
  // Promises, because the end can come while a process is being started.
  const stages: Promise<Child>[] = []
  const tracers: Promise<Child>[] = []
  /** Those that make something for the stages to do. */
  const feeders: Promise<Child>[] = []
  return {
    hasTracer,
    async migrate() {
      const migrate = start('migrate', ['migrate'])
      feeders.push(migrate)
      const child = await migrate
      const { code } = await child.exited
      options.signal.throwIfAborted()
      if (code !== 0) throw new DemoFailure(`${await obituary(child)}:\n${child.lastLines()}`)
    },
    startStages() {
      stages.push(...pipeline.map(({ name }) => startScraped(name, ['run', name])))
      stages.push(startScraped('monitor', ['monitor'], options.monitorPort))
      if (hasTracer) tracers.push(startScraped('tracer', ['tracer']))
      return Promise.all([...stages, ...tracers])
    },
    startGenerator(messages) {
      const amount = messages === undefined ? [] : ['--messages', String(messages)]
      const generator = startScraped('generator', ['generator', ...amount])
      feeders.push(generator)
      return generator
    },
    async [Symbol.asyncDispose]() {
      await stopAll(feeders, FEEDERS_STOP_MS)
      await stopAll(stages, STAGES_STOP_MS)
      await stopAll(tracers, TRACER_STOP_MS)
    },
  }
}

function starter({ dataDir, env, onLine, signal }: ProcessesOptions) {
  const targets = targetsOf(join(dataDir, 'prometheus'))
  const start = async (name: string, args: readonly string[], port = 0) => {
    signal.throwIfAborted()
    // Topics of a single stage would be those of all six.
    const own = { ...env, METRICS_PORT: String(port), INPUT_TOPIC: '', OUTPUT_TOPIC: '' }
    return await startProcess({
      name,
      args,
      env: childEnvironment(own),
      onLine: (line) => onLine(name, line),
    })
  }
  /** The same, where Prometheus finds it. */
  const startScraped = async (name: string, args: readonly string[], ownPort?: number) => {
    const port = ownPort ?? (await freePort())
    await writeTarget(targets, name, port)
    return await start(name, args, port)
  }
  return { start, startScraped }
}

/** Tells Prometheus, whether it runs or not, where a process answers. A file each: they start side by side. */
async function writeTarget(directory: string, name: string, port: number): Promise<void> {
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, `${name}.json`), JSON.stringify([{ targets: [`localhost:${port}`] }]))
}

async function stopAll(children: readonly Promise<Child>[], graceMs: number): Promise<void> {
  // One that could not be started needs no end, and has been complained about.
  await Promise.allSettled(children.map(async (child) => await (await child).stop({ graceMs })))
}
