import { setTimeout as pause } from 'node:timers/promises'
import { startOwnServers } from '../test/own-servers.ts'
import { startFlow } from './flow.ts'
import { inRounds, type Bench, type Part } from './part.ts'
import { processorSeconds, residentMemory } from './processor-time.ts'
import type { Column, Figures } from './report.ts'

const columns: readonly Column[] = [
  { key: 'mean', title: 'mean % of a core', digits: 2 },
  { key: 'most', title: 'busiest %', digits: 2 },
  { key: 'memory', title: 'largest MB' },
]

/** Until what belongs to the start is over. */
const SETTLE_MS = 5000

async function measure(bench: Bench) {
  await using servers = await startOwnServers()
  await using flow = await startFlow(servers, bench)
  await pause(SETTLE_MS, undefined, { signal: bench.signal })
  const { pids } = flow.stages
  const one = { name: 'a stage process', about: 'connected, traced, and nothing to do' }
  const measured = await inRounds(bench, [one], () => rest(pids, bench))
  return { columns, notes: [`${bench.sizes.idleSeconds} s in each round.`], ...measured }
}

async function rest(pids: readonly number[], { sizes, signal }: Bench): Promise<Figures> {
  const before = pids.map(processorSeconds)
  await pause(sizes.idleSeconds * 1000, undefined, { signal })
  const shares = pids.map(
    (pid, index) => ((processorSeconds(pid) - (before[index] ?? 0)) / sizes.idleSeconds) * 100,
  )
  return {
    mean: shares.reduce((sum, share) => sum + share, 0) / shares.length,
    most: Math.max(...shares),
    memory: Math.max(...pids.map(residentMemory)),
  }
}

export const idle: Part = {
  name: 'idle',
  about: 'What a stage process costs while nothing waits; its metrics are read every 5 s.',
  measure,
}
