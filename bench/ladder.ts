import { startOwnServers } from '../test/support/own-servers.ts'
import { startFlow } from './flow.ts'
import { keepPace, WARM_UP_SECONDS } from './keep-pace.ts'
import { TOLERANCE } from './pace.ts'
import { inRounds, problemOf, type Bench, type Part, type Planned } from './part.ts'
import type { Column, Figures } from './report.ts'
import { missingTempo } from './trace-backend.ts'

/** Messages a second, one step after the other. */
const rates: readonly number[] = [250, 500, 750, 1000, 1250, 1500, 1750, 2000, 2500, 3000, 3500, 4000]
/** Seconds of its rate that may wait at the end of a step: batches that are on their way, and no backlog. */
const MOST_BEHIND = 1

const cases: readonly Planned[] = [
  { name: 'every trace kept', about: 'steps up until stages or tracer do not keep up' },
]

const columns: readonly Column[] = [
  { key: 'rate', title: 'highest rate kept' },
  { key: 'tracerBehind', title: 'tracer behind s', digits: 2 },
  { key: 'stagesCpu', title: 'CPU us a message: stages' },
  { key: 'tracerCpu', title: 'tracer' },
  { key: 'TempoCpu', title: 'Tempo' },
  { key: 'nextRate', title: 'first rate not kept' },
  { key: 'nextPerSecond', title: 'entered there' },
  { key: 'nextStagesBehind', title: 'stages behind s', digits: 1 },
  { key: 'nextTracerBehind', title: 'tracer behind s', digits: 1 },
]

async function measure(bench: Bench) {
  await using servers = await startOwnServers()
  const notes = new Set([note])
  const measured = await inRounds(bench, cases, async () => {
    await using flow = await startFlow(servers, bench)
    if (flow.backend.tempo === undefined) notes.add(missingTempo)
    return await climb(bench, (rate) => {
      return keepPace({ rate, seconds: bench.sizes.paceSeconds, flow, servers, signal: bench.signal })
    })
  })
  return { columns, notes: [...notes], ...measured }
}

async function climb(
  { progress, signal }: Bench,
  step: (rate: number) => Promise<Figures>,
): Promise<Figures> {
  let kept: Figures = {}
  for (const rate of rates) {
    progress.now(`    ${rate} a second`)
    const figures: Figures = await step(rate).catch((error: unknown) => {
      signal.throwIfAborted()
      progress.say(`    ${rate} a second: ${problemOf(error)}`)
      return {}
    })
    const { perSecond = 0, stagesBehind = 0, tracerBehind = 0 } = figures
    const isKept = perSecond >= rate * TOLERANCE && stagesBehind <= MOST_BEHIND && tracerBehind <= MOST_BEHIND
    if (!isKept) {
      const next = { nextRate: rate, nextPerSecond: perSecond }
      return { ...kept, ...next, nextStagesBehind: stagesBehind, nextTracerBehind: tracerBehind }
    }
    kept = { ...figures, rate }
  }
  return kept
}

const note =
  `Steps of ${rates.join(', ')} a second, each as long as a round of \`pace\` after ${WARM_UP_SECONDS} s that do not count, ` +
  `on one machine with everything else. A step is kept when that many entered and at its end no more than ${MOST_BEHIND} s of ` +
  'its messages waited, neither in the stages nor for the tracer.'

export const ladder: Part = {
  name: 'ladder',
  about: 'The highest steady rate at which the tracer keeps up, every trace kept.',
  measure,
}
