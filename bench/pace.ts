import { setTimeout as pause } from 'node:timers/promises'
import { startChild } from '../local/child-process.ts'
import type { Database } from '../sql/database.ts'
import { pipeline } from '../stages/index.ts'
import { startDedicatedServers, type DedicatedServers } from '../test/support/processes/dedicated-servers.ts'
import { startRun, waitForCount, type BenchmarkRun } from './benchmark-run.ts'
import { measureCpu } from './machine.ts'
import { stages, startProcesses, throughline, tracer, type Processes } from './processes.ts'
import { problemOf, repeat, type BenchContext, type Figures, type Suite } from './suite.ts'
import { startTraceBackend, type TraceBackend } from './trace-backend.ts'

/** Servers, stages and a tracer that keeps every trace, with nothing to do. */
export interface RunningPipeline extends AsyncDisposable {
  readonly servers: DedicatedServers
  readonly run: BenchmarkRun
  readonly processes: Processes
  readonly backend: TraceBackend
}

export async function startPipeline(signal: AbortSignal): Promise<RunningPipeline> {
  await using starting = new AsyncDisposableStack()
  const servers = starting.use(await startDedicatedServers())
  const backend = starting.use(await startTraceBackend())
  const run = starting.use(await startRun(servers, backend.variables(1)))
  const processes = starting.use(await startProcesses([...stages, tracer], run.env, signal))
  const running = starting.move()
  return { servers, run, processes, backend, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

/** The first messages meet connections that are not open and code that is not compiled. */
const WARM_UP_SECONDS = 3
/** A rate below this share of the wanted one is another rate. */
const TOLERANCE = 0.95

/** Measures for some seconds while a generator sends so many messages a second; then waits until all are done. */
async function keepRate(
  { servers, processes, backend, run }: RunningPipeline,
  rate: number,
  { seconds, signal }: { readonly seconds: number; readonly signal: AbortSignal },
): Promise<Figures> {
  const { database, env } = run
  const last = pipeline.at(-1)?.name ?? ''
  await using generator = await startChild(throughline(['generator'], { ...env, RATE: String(rate) }))
  const { entered: before } = await readCounts(database)
  const entered = async () => (await readCounts(database)).entered
  await waitForCount('A generated message', entered, { goal: before + 1, signal })
  await pause(WARM_UP_SECONDS * 1000, undefined, { signal })
  const others = [servers.kafka.pid, servers.postgres.pid, generator.pid]
  const usage = measureCpu({ ...processes.components(), ...backend.components, others })
  const from = await readCounts(database)
  await pause(seconds * 1000, undefined, { signal })
  const to = await readCounts(database)
  // The last stage commits after it has sent, so the tracer may be ahead of it.
  const tracerBehind = Math.max(0, (await run.committed(last)) - (await run.committed(tracer.name)))
  const { shares, components } = usage()
  await generator.stop()
  const unfinished = async () => -(await readCounts(database)).unfinished
  await waitForCount('The last message finished', unfinished, { goal: 0, signal })
  const goal = await run.committed(last)
  await waitForCount('The last message traced', () => run.committed(tracer.name), { goal, signal })
  const figures = await readPercentiles(database, from.at, to.at)
  const { messages = 0 } = figures
  const cpuOf = (names: readonly string[]) =>
    (names.reduce((sum, name) => sum + (components[name] ?? 0), 0) * 1e6) / messages
  return {
    ...figures,
    ...shares,
    perSecond: messages / seconds,
    stagesBehind: to.unfinished / rate,
    tracerBehind: tracerBehind / rate,
    stagesCpu: cpuOf(pipeline.map(({ name }) => name)),
    tracerCpu: cpuOf([tracer.name]),
    ...(backend.tempo && { TempoCpu: cpuOf(['Tempo']) }),
  }
}

/** Messages so far, and the time at which this was so, by the clock of Postgres. */
interface Counts {
  readonly at: string
  readonly entered: number
  readonly unfinished: number
}

async function readCounts(database: Database): Promise<Counts> {
  const { rows } = await database.query<Counts>(
    `select clock_timestamp()::text as at, entered::float8, (entered - finished)::float8 as unfinished
     from (select sum(entered) as entered from stage_totals), (select count(*) as finished from finished)`,
  )
  return rows[0] ?? { at: '', entered: 0, unfinished: 0 }
}

async function readPercentiles(database: Database, from: string, to: string): Promise<Figures> {
  const percentile = (share: number) => `percentile_cont(${share}) within group (order by seconds) * 1000`
  const { rows } = await database.query<Record<string, number>>(
    `select count(*)::float8 as messages, ${percentile(0.5)} as p50, ${percentile(0.95)} as p95,
       ${percentile(0.99)} as p99, max(seconds) * 1000 as slowest
     from end_to_end where entered_at between $1 and $2`,
    [from, to],
  )
  return rows[0] ?? {}
}

const paceCases = [
  { name: '10 a second', about: 'RATE=10, three times as long as the others', rate: 10, times: 3 },
  { name: '100 a second', about: 'RATE=100', rate: 100, times: 1 },
  { name: '1000 a second', about: 'RATE=1000', rate: 1000, times: 1 },
]

const paceColumns = {
  messages: 'messages',
  perSecond: 'a second',
  p50: 'p50 ms',
  p95: 'p95 ms',
  p99: 'p99 ms',
  slowest: 'slowest ms',
  tracerBehind: 'tracer behind s',
  otherShare: 'others, % of the machine',
}

export const pace: Suite = {
  name: 'pace',
  about: 'End to end through all six stages at a steady rate, every trace kept.',
  goals: [
    { of: '10 a second', key: 'p50', below: 12 },
    { of: '10 a second', key: 'p95', below: 20 },
    { of: '100 a second', key: 'p50', below: 12 },
    { of: '100 a second', key: 'p95', below: 20 },
  ],
  async measure(context) {
    const { sizes, signal } = context
    await using flow = await startPipeline(signal)
    const measured = await repeat(context, paceCases, async ({ rate, times }) => {
      const figures = await keepRate(flow, rate, { seconds: sizes.seconds * times, signal })
      const { perSecond = 0 } = figures
      if (perSecond < rate * TOLERANCE) throw new Error(`only ${perSecond.toFixed(1)} a second entered`)
      return figures
    })
    const note =
      `${sizes.seconds} s in each round, after ${WARM_UP_SECONDS} s of warming up, with one generator and the same stages ` +
      'and tracer throughout. End to end is the time from the first topic to the last, as in the table `finished`. The tracer ' +
      'is behind by its backlog at the end, in seconds of that rate.'
    return { tables: [{ columns: paceColumns }], notes: [note], ...measured }
  },
}

/** Messages a second of the steps of the ladder. */
const rates = [250, 500, 750, 1000, 1250, 1500, 1750, 2000, 2500, 3000, 3500, 4000]
/** Seconds of its rate that may be unfinished at the end of a step: batches under way, and no backlog. */
const MOST_BEHIND = 1

const ladderColumns = {
  rate: 'highest rate kept',
  tracerBehind: 'tracer behind s',
  nextRate: 'first rate not kept',
  nextPerSecond: 'entered there',
  nextStagesBehind: 'stages behind s',
  nextTracerBehind: 'tracer behind s',
}

export const ladder: Suite = {
  name: 'ladder',
  about: 'The highest steady rate at which the tracer keeps up, every trace kept.',
  async measure(context) {
    const cases = [{ name: 'every trace kept', about: 'steps up until the stages or the tracer do not keep up' }]
    const measured = await repeat(context, cases, async () => {
      await using flow = await startPipeline(context.signal)
      return await climb(flow, context)
    })
    return { tables: [{ columns: ladderColumns }], notes: [ladderNote], ...measured }
  },
}

async function climb(flow: RunningPipeline, { progress, signal, sizes }: BenchContext): Promise<Figures> {
  let kept: Figures = {}
  for (const rate of rates) {
    progress.now(`    ${rate} a second`)
    const figures: Figures = await keepRate(flow, rate, { seconds: sizes.seconds, signal }).catch((error: unknown) => {
      signal.throwIfAborted()
      progress.say(`    ${rate} a second: ${problemOf(error)}`)
      return {}
    })
    const { perSecond = 0, stagesBehind = 0, tracerBehind = 0 } = figures
    const isKept = perSecond >= rate * TOLERANCE && stagesBehind <= MOST_BEHIND && tracerBehind <= MOST_BEHIND
    if (!isKept) {
      const next = { nextRate: rate, nextPerSecond: perSecond, nextStagesBehind: stagesBehind }
      return { ...kept, ...next, nextTracerBehind: tracerBehind }
    }
    kept = { ...figures, rate }
  }
  return kept
}

const ladderNote =
  `Steps of ${rates.join(', ')} a second, each as long as a round of \`pace\` after ${WARM_UP_SECONDS} s of warming up. A step is ` +
  `kept when that many messages entered and at its end at most ${MOST_BEHIND} s of them were unfinished, and as many untraced.`
