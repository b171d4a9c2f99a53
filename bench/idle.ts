import { setTimeout as pause } from 'node:timers/promises'
import { startOwnServers } from '../test/support/own-servers.ts'
import { startFlow, startReady } from './flow.ts'
import { inRounds, type Bench, type Part, type Planned } from './part.ts'
import { processorSeconds, residentMemory } from './processor-time.ts'
import type { Column, Figures } from './report.ts'
import { isStage, monitor } from './stage-processes.ts'

const columns: readonly Column[] = [
  { key: 'mean', title: 'mean % of a core', digits: 2 },
  { key: 'most', title: 'busiest %', digits: 2 },
  { key: 'limit', title: 'limit %', digits: 1 },
  { key: 'memory', title: 'largest MB' },
]

/** Until what belongs to the start is over. */
const SETTLE_MS = 5000

interface Resting extends Planned {
  readonly pids: readonly number[]
  /** Percent of a core that each of them may take. */
  readonly limit: number
}

async function measure(bench: Bench) {
  const { signal, sizes } = bench
  await using servers = await startOwnServers()
  await using flow = await startFlow(servers, bench)
  await using watching = await startReady([monitor], flow.trial.env, signal)
  await pause(SETTLE_MS, undefined, { signal })
  const ours = Object.entries(flow.stages.components())
  const pidsOf = (isWanted: (name: string) => boolean) =>
    ours.flatMap(([name, pids]) => (isWanted(name) ? pids : []))
  const cases: readonly Resting[] = [
    {
      name: 'a stage process',
      about: 'connected, and nothing to do: at most 1.5 % of a core, better 1 %, and at most 90 MB',
      limit: 1.5,
      pids: pidsOf(isStage),
    },
    {
      name: 'the tracer',
      about: 'connected, and nothing to do: at most 1.5 % of a core',
      limit: 1.5,
      pids: pidsOf((name) => !isStage(name)),
    },
    {
      name: 'the monitor',
      about: 'looks at all stages every 5 s, and nothing happens: at most 3 % of a core',
      limit: 3,
      pids: watching.pids,
    },
  ]
  const measured = await inRounds(bench, cases, (one) => rest(one, bench))
  const note = `${sizes.idleSeconds} s in each round.`
  return { columns, notes: [note], ...measured }
}

async function rest({ pids, limit }: Resting, { sizes, signal }: Bench): Promise<Figures> {
  const before = pids.map(processorSeconds)
  await pause(sizes.idleSeconds * 1000, undefined, { signal })
  const shares = pids.map(
    (pid, index) => ((processorSeconds(pid) - (before[index] ?? 0)) / sizes.idleSeconds) * 100,
  )
  return {
    mean: shares.reduce((sum, share) => sum + share, 0) / shares.length,
    most: Math.max(...shares),
    limit,
    memory: Math.max(...pids.map(residentMemory)),
  }
}

export const idle: Part = {
  name: 'idle',
  about:
    'What stage processes, tracer and monitor cost while nothing waits; their metrics are read every 5 s.',
  measure,
}
