import { setTimeout as pause } from 'node:timers/promises'
import { max, mean } from 'simple-statistics'
import { processSeconds, residentMemory } from './machine.ts'
import { startPipeline } from './pace.ts'
import { isStage, monitor, startProcesses, tracer } from './processes.ts'
import { repeat, type BenchContext, type Figures, type Suite } from './suite.ts'

const columns = { mean: 'mean % of a core', busiest: 'busiest %', memory: 'largest MB' }

/** After the start, until its own work is over. */
const SETTLE_MS = 5000

export const idle: Suite = {
  name: 'idle',
  about: 'What stages, tracer and monitor use without messages; their metrics are scraped every 5 s.',
  goals: [
    { of: 'a stage process', key: 'mean', below: 1 },
    { of: 'a stage process', key: 'memory', below: 90 },
    { of: 'the tracer', key: 'mean', below: 1.5 },
    { of: 'the monitor', key: 'mean', below: 3 },
  ],
  async measure(context) {
    const { signal, sizes } = context
    await using flow = await startPipeline(signal)
    await using watching = await startProcesses([monitor], flow.run.env, signal)
    await pause(SETTLE_MS, undefined, { signal })
    const components = Object.entries({ ...flow.processes.components(), ...watching.components() })
    const pidsOf = (isWanted: (name: string) => boolean) =>
      components.flatMap(([name, pids]) => (isWanted(name) ? pids : []))
    const cases = [
      { name: 'a stage process', about: 'connected, no messages', pids: pidsOf(isStage) },
      { name: 'the tracer', about: 'connected, no messages', pids: pidsOf((name) => name === tracer.name) },
      {
        name: 'the monitor',
        about: 'samples all stages every 5 s',
        pids: pidsOf((name) => name === monitor.name),
      },
    ]
    const measured = await repeat(context, cases, ({ pids }) => measureIdle(pids, context))
    return { tables: [{ columns }], notes: [`${sizes.seconds} s in each round.`], ...measured }
  },
}

async function measureIdle(pids: readonly number[], { sizes, signal }: BenchContext): Promise<Figures> {
  const before = pids.map(processSeconds)
  await pause(sizes.seconds * 1000, undefined, { signal })
  const percents = pids.map((pid, index) => ((processSeconds(pid) - (before[index] ?? 0)) / sizes.seconds) * 100)
  return { mean: mean(percents), busiest: max(percents), memory: max(pids.map(residentMemory)) }
}
