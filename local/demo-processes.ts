import { addAbortListener } from 'node:events'
import { childEnvironment } from '../pipeline/config.ts'
import { pipeline } from '../stages/index.ts'
import type { Child } from './child-process.ts'
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
  /** Brings database and topics up to date. Returns what was done in one line. */
  migrate(): Promise<string>
  startStages(): Promise<readonly Child[]>
  /** @param messages how many to let in at once; undefined for ever */
  startGenerator(messages?: number): Promise<Child>
}

const GENERATOR_STOP_MS = 1500
const STAGES_STOP_MS = 3500

export function demoProcesses({ env, onLine, signal }: ProcessesOptions): DemoProcesses {
  const stages: Child[] = []
  const generators: Child[] = []
  const start = (name: string, ...args: readonly string[]) => {
    signal.throwIfAborted()
    // Topics of a single stage would be those of all six.
    const own = { ...env, METRICS_PORT: '0', INPUT_TOPIC: '', OUTPUT_TOPIC: '' }
    return startProcess({ name, args, env: childEnvironment(own), onLine: (line) => onLine(name, line) })
  }
  return {
    async migrate() {
      await using child = await start('migrate', 'migrate')
      using _ = addAbortListener(signal, () => void child.stop())
      const { code } = await child.exited
      signal.throwIfAborted()
      if (code !== 0) throw new Error(`${await obituary(child)}:\n${child.lastLines()}`)
      return child.lastLines().split('\n').at(-1) ?? ''
    },
    async startStages() {
      const startOne = async ({ name }: { name: string }) => stages.push(await start(name, 'run', name))
      await Promise.all(pipeline.map(startOne))
      return stages
    },
    async startGenerator(messages) {
      const amount = messages === undefined ? [] : ['--messages', String(messages)]
      const generator = await start('generator', 'generator', ...amount)
      generators.push(generator)
      return generator
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(generators.map((child) => child.stop({ graceMs: GENERATOR_STOP_MS })))
      await Promise.all(stages.map((child) => child.stop({ graceMs: STAGES_STOP_MS })))
    },
  }
}
