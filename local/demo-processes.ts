import { childEnvironment } from '../pipeline/config.ts'
import { pipeline } from '../stages/index.ts'
import type { Child } from './child-process.ts'
import { DemoFailure } from './demo-endings.ts'
import { startProcess } from './pipeline-process.ts'
import { obituary } from './run-to-end.ts'

export interface ProcessesOptions {
  /** What the processes need in their environment beside ours. */
  readonly env: Readonly<Record<string, string>>
  readonly onLine: (name: string, line: string) => void
  readonly signal: AbortSignal
}

/** The processes of the pipeline. Disposing stops them: the generator first, so that nothing more enters. */
export interface DemoProcesses extends AsyncDisposable {
  /** Brings database and topics up to date. */
  migrate(): Promise<void>
  startStages(): Promise<readonly Child[]>
  /** @param messages how many to let in at once; undefined for ever */
  startGenerator(messages?: number): Promise<Child>
}

const FEEDERS_STOP_MS = 1500
const STAGES_STOP_MS = 3500

export function demoProcesses({ env, onLine, signal }: ProcessesOptions): DemoProcesses {
  // Promises, because the end can come while a process is being started.
  const stages: Promise<Child>[] = []
  /** Those that make something for the stages to do. */
  const feeders: Promise<Child>[] = []
  const start = async (name: string, ...args: readonly string[]) => {
    signal.throwIfAborted()
    // Topics of a single stage would be those of all six.
    const own = { ...env, METRICS_PORT: '0', INPUT_TOPIC: '', OUTPUT_TOPIC: '' }
    return await startProcess({
      name,
      args,
      env: childEnvironment(own),
      onLine: (line) => onLine(name, line),
    })
  }
  return {
    async migrate() {
      const migrate = start('migrate', 'migrate')
      feeders.push(migrate)
      const child = await migrate
      const { code } = await child.exited
      signal.throwIfAborted()
      if (code !== 0) throw new DemoFailure(`${await obituary(child)}:\n${child.lastLines()}`)
    },
    startStages() {
      stages.push(...pipeline.map(({ name }) => start(name, 'run', name)))
      return Promise.all(stages)
    },
    startGenerator(messages) {
      const amount = messages === undefined ? [] : ['--messages', String(messages)]
      const generator = start('generator', 'generator', ...amount)
      feeders.push(generator)
      return generator
    },
    async [Symbol.asyncDispose]() {
      await stopAll(feeders, FEEDERS_STOP_MS)
      await stopAll(stages, STAGES_STOP_MS)
    },
  }
}

async function stopAll(children: readonly Promise<Child>[], graceMs: number): Promise<void> {
  // One that could not be started needs no end, and has been complained about.
  await Promise.allSettled(children.map(async (child) => await (await child).stop({ graceMs })))
}
