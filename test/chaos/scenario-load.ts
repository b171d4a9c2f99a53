import { addAbortListener } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { exitCode } from '../../cli/options.ts'
import { scenarios } from '../../cli/scenario/scenarios.ts'
import { startThroughline } from '../../local/throughline-process.ts'
import { shuffled } from '../support/data/random.ts'

/**
 * The scenarios that run: all but those that stop a stage or Postgres, which the harness does itself, so that it knows the right
 * verdict. What they expect to see is not judged while other faults are injected.
 */
const names = scenarios.filter(({ fault }) => fault !== 'stop' && fault !== 'database-away').map(({ name }) => name)

const PAUSE_MS = 8000

export interface ScenarioLoadOptions {
  readonly env: NodeJS.ProcessEnv
  readonly random: () => number
  /** Receives a line for each scenario that begins. */
  readonly say: (line: string) => void
  readonly onLine: (line: string) => void
  readonly signal: AbortSignal
}

/**
 * Runs scenarios one after the other in random order, until the signal. Returns how many ran of each name: one is refused while
 * a stage that it needs is not well.
 */
export async function runScenarios({
  env,
  random,
  say,
  onLine,
  signal,
}: ScenarioLoadOptions): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  while (!signal.aborted) {
    for (const name of shuffled(random, names)) {
      await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) break
      const child = await startThroughline({ name: `scenario ${name}`, args: ['scenario', name], env, onLine })
      using _ = addAbortListener(signal, () => void child.stop({ graceMs: 30_000 }))
      const { code } = await child.exited
      say(`scenario ${name} ${code === exitCode.usageError ? 'was refused' : 'ran'}`)
      if (code !== exitCode.usageError) counts.set(name, (counts.get(name) ?? 0) + 1)
    }
  }
  return counts
}
