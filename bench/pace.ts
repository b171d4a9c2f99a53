import { startOwnServers } from '../test/support/own-servers.ts'
import { startFlow } from './flow.ts'
import { keepPace, WARM_UP_SECONDS } from './keep-pace.ts'
import { inRounds, type Bench, type Part, type Planned } from './part.ts'
import type { Column, Figures } from './report.ts'
import { missingTempo } from './trace-backend.ts'

interface PaceCase extends Planned {
  readonly rate: number
  /** How much longer than the others it goes on: few messages have no 99th percentile. */
  readonly times: number
}

const cases: readonly PaceCase[] = [
  { name: '10 a second', about: 'RATE=10, three times as long as the others', rate: 10, times: 3 },
  { name: '100 a second', about: 'RATE=100', rate: 100, times: 1 },
  { name: '1000 a second', about: 'RATE=1000', rate: 1000, times: 1 },
]

const columns: readonly Column[] = [
  { key: 'messages', title: 'messages' },
  { key: 'perSecond', title: 'a second', digits: 1 },
  { key: 'p50', title: 'p50 ms', digits: 1 },
  { key: 'p95', title: 'p95 ms', digits: 1 },
  { key: 'p99', title: 'p99 ms', digits: 1 },
  { key: 'most', title: 'slowest ms', digits: 1 },
  { key: 'tracerBehind', title: 'tracer behind s', digits: 2 },
  { key: 'otherShare', title: 'others, % of the machine', digits: 1 },
]

/** A rate below this share of what was asked for is another rate. */
export const TOLERANCE = 0.95

async function measure(bench: Bench) {
  const { sizes, signal } = bench
  await using servers = await startOwnServers()
  await using flow = await startFlow(servers, bench)
  const measured = await inRounds(bench, cases, async ({ rate, times }): Promise<Figures> => {
    const figures = await keepPace({ rate, seconds: sizes.paceSeconds * times, flow, servers, signal })
    const { perSecond = 0 } = figures
    if (perSecond < rate * TOLERANCE) throw new Error(`only ${perSecond.toFixed(1)} a second entered`)
    return figures
  })
  const note =
    `${sizes.paceSeconds} s in each round, after ${WARM_UP_SECONDS} s that do not count. One generator; stages and tracer are ` +
    'the same processes throughout. End to end is from the first topic to the last, as the table `finished` has it. The tracer ' +
    'is behind by what waits for it at the end, in seconds of that rate.'
  return { columns, notes: flow.backend.tempo === undefined ? [note, missingTempo] : [note], ...measured }
}

export const pace: Part = {
  name: 'pace',
  about: 'End to end through all six stages at a steady rate, every trace kept.',
  measure,
}
