import { max } from 'simple-statistics'
import { startThroughline } from '../local/throughline-process.ts'
import { tracerName } from '../pipeline/route.ts'
import { select, type Database } from '../sql/database.ts'
import { pipeline } from '../stages/index.ts'
import { sleep } from '../telemetry/wait-until.ts'
import { startDedicatedServers, type DedicatedServers } from '../test/support/processes/dedicated-servers.ts'
import { startRun } from './benchmark-run.ts'
import { measureCpu, memoryOf } from './machine.ts'
import { startProcesses, startTraceBackend } from './processes.ts'
import { medianOf, repeat, type BenchContext, type Case, type Figures, type Suite } from './suite.ts'

/** The first messages meet connections that are not open and code that is not compiled. */
const WARM_UP_SECONDS = 10
/** Messages a second. */
const rates = [100, 250, 500, 750, 1000, 1250, 1500, 2000]
/** A rate below this share of the wanted one is another rate. */
const TOLERANCE = 0.95
/** Seconds of its rate that may be unfinished or untraced at the end: batches under way, and no backlog. */
const MOST_BEHIND = 1

const IDLE = 'idle'
const nameOf = (rate: number) => `${rate} a second`
const PER_SECOND = 'a second'
const STAGES_BEHIND = 'stages behind s'
const TRACER_BEHIND = 'tracer behind s'
const STAGE_CPU = '% of a core: a stage'
const TRACER_CPU = '% of a core: tracer'
const MEMORY = 'MB of the largest stage'

export const pace: Suite = {
  name: 'pace',
  about: 'End to end through all six stages at a steady rate, every trace kept.',
  goals: [
    { of: nameOf(100), figure: 'p50 ms', below: 12 },
    { of: nameOf(100), figure: 'p95 ms', below: 20 },
    { of: IDLE, figure: MEMORY, below: 90 },
    { of: IDLE, figure: STAGE_CPU, below: 1 },
    { of: IDLE, figure: TRACER_CPU, below: 1.5 },
  ],
  async measure(context) {
    await using servers = await startDedicatedServers()
    const measured = await repeat(context, [
      ...rates.map((rate) => ({ name: nameOf(rate), measure: () => keepRate(servers, rate, context) })),
      { name: IDLE, about: 'no messages', measure: () => keepRate(servers, 0, context) },
    ])
    return { ...measured, note: noteOf(measured.cases, context) }
  },
}

function noteOf(cases: readonly Case[], { sizes: { seconds } }: BenchContext): string {
  const isKept = (rate: number) =>
    medianOf(cases, nameOf(rate), PER_SECOND) >= rate * TOLERANCE &&
    medianOf(cases, nameOf(rate), STAGES_BEHIND) <= MOST_BEHIND &&
    medianOf(cases, nameOf(rate), TRACER_BEHIND) <= MOST_BEHIND
  return (
    `The highest of these rates that stages and tracer keep up with: ${rates.findLast(isKept) ?? 'none'}. At the end they are ` +
    `behind by at most ${MOST_BEHIND} s of messages.\n\nEach case has processes of its own and takes ${seconds} s after ` +
    `${WARM_UP_SECONDS} s of warming up. End to end is the time from the first topic to the last, as in the table \`finished\`. ` +
    'Stages are behind by the messages that have not finished, the tracer by those that have and are not traced.'
  )
}

/** Starts the pipeline anew and measures for some seconds while a generator sends so many messages a second, or none. */
async function keepRate(servers: DedicatedServers, rate: number, context: BenchContext): Promise<Figures> {
  const { seconds } = context.sizes
  await using backend = await startTraceBackend()
  await using run = await startRun(servers, backend.variables(1))
  const { database, env } = run
  await using processes = await startProcesses([...pipeline.map(({ name }) => name), tracerName], env, context.signal)
  const { components, signal } = processes
  const pause = async (length: number) => {
    await sleep(length * 1000, signal)
    signal.throwIfAborted()
  }
  const generate = { name: 'generator', args: ['generator'], env: { ...env, RATE: String(rate) } }
  await using generator = rate === 0 ? undefined : await startThroughline(generate)
  await pause(WARM_UP_SECONDS)
  const others = [servers.kafka.pid, servers.postgres.pid, generator?.pid ?? []].flat()
  const [begin, usage] = [await readSent(database), measureCpu({ ...components, ...backend.components, others })]
  await pause(seconds)
  const [end, { finished, traced }, cpu] = [await readSent(database), await run.counts(), usage()]
  const { stages = [] } = components
  const figures = {
    [STAGE_CPU]: ((cpu.components['stages'] ?? 0) / stages.length / seconds) * 100,
    [TRACER_CPU]: ((cpu.components['tracer'] ?? 0) / seconds) * 100,
    [MEMORY]: max(stages.map((pid) => memoryOf(pid, 'VmRSS'))),
    'others, % of the machine': cpu.othersPercent,
  }
  if (generator === undefined) return figures
  await generator.stop()
  await run.waitFor((await readSent(database)).sent, 'finished', signal)
  const { messages = 0, ...percentiles } = await readPercentiles(database, begin.at, end.at)
  // The counts are read one after the other, while messages go on.
  const behind = {
    [STAGES_BEHIND]: Math.max(0, end.sent - finished) / rate,
    [TRACER_BEHIND]: Math.max(0, finished - traced) / rate,
  }
  return { messages, [PER_SECOND]: messages / seconds, ...percentiles, ...behind, ...figures }
}

/** How many messages the generator has sent, and the time at which this was so, by the clock of Postgres. */
async function readSent(database: Database): Promise<{ at: string; sent: number }> {
  const text = `select clock_timestamp()::text as at,
    ((select count(*) from inputs) - (select count(*) from outbox))::float8 as sent`
  const [row] = await select<{ at: string; sent: number }>(database, text)
  return row ?? { at: '', sent: 0 }
}

async function readPercentiles(database: Database, from: string, to: string): Promise<Figures> {
  const percentile = (share: number) => `percentile_cont(${share}) within group (order by seconds) * 1000`
  const [row] = await select<Record<string, number>>(
    database,
    `select count(*)::float8 as messages, ${percentile(0.5)} as "p50 ms", ${percentile(0.95)} as "p95 ms",
       ${percentile(0.99)} as "p99 ms", max(seconds) * 1000 as "slowest ms"
     from end_to_end where entered_at between $1 and $2`,
    [from, to],
  )
  return row ?? {}
}
