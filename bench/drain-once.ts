import type { Database } from '../sql/database.ts'
import { pipeline } from '../stages/index.ts'
import type { OwnServers } from '../test/own-servers.ts'
import { openCommitted } from './committed.ts'
import { fill, sampledIds, twelveIntegers } from './fill.ts'
import { startReady } from './flow.ts'
import type { Bench } from './part.ts'
import { familyMemory, type Components } from './processor-time.ts'
import { profiled } from './profiled.ts'
import type { Figures } from './report.ts'
import { openSpanAccount } from './span-account.ts'
import type { SpanBackend } from './span-backend.ts'
import { countSpending, type Spending } from './spending.ts'
import type { StageCommand, StageProcesses } from './stage-processes.ts'
import { startTrial, type Trial } from './trial.ts'
import { until } from './until.ts'

export interface Drain {
  readonly messages: number
  /** Those of the first stage come first. */
  readonly commands: readonly StageCommand[]
  /** Variables of its own. */
  readonly settings?: Readonly<Record<string, string>>
  /** What else is to be read from the rows, once all have finished. */
  readonly readMore?: (database: Database) => Promise<Figures>
  readonly traces?: { readonly backend: SpanBackend; readonly ratio: number }
}

/** Two at each stage: the messages were let in without any. */
const SPANS_A_MESSAGE = 2 * pipeline.length

/**
 * Lets messages wait in front of the first stage and measures until all have finished. The first stage is started last,
 * when all others wait for it, so that nothing of their start is in what is measured.
 */
export async function drainOnce(servers: OwnServers, drain: Drain, bench: Bench): Promise<Figures> {
  const { messages, settings, traces } = drain
  const { progress, signal } = bench
  await using trial = await startTrial(servers, { ...twelveIntegers, ...tracing(drain), ...settings })
  const { database } = trial
  progress.now(`    ${messages} messages go in`)
  await fill(trial, messages, signal)
  // What filling has left Postgres to write would otherwise be written while the stages work, or not, by chance.
  await database.query('checkpoint')
  const [first, ...others] = drain.commands.map((command) => profiled(command, bench))
  if (first === undefined) throw new Error('There is no stage to run')
  await using stages = await startReady(others, trial.env, signal)
  const settle = traces && (await openSpanAccount({ backend: traces.backend, stages, signal }))
  await stages.start(first)
  const components = { ...stages.components(), ...serverPids(servers, drain) }
  const spending = await untilFinished({ trial, stages, components }, drain, bench)
  const spans = await settle?.(await sampledIds(database, traces?.ratio ?? 0), SPANS_A_MESSAGE)
  return {
    finished: await finishedASecond(database, messages),
    ...perMessage(spending(), messages),
    ...memoryOf(components, stages),
    ...spans,
    ...(await drain.readMore?.(database)),
  }
}

function tracing({ traces }: Drain): Record<string, string> {
  if (traces === undefined) return {}
  const sampler = {
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: String(traces.ratio),
  }
  return { ...traces.backend.env, ...sampler }
}

function serverPids({ postgres, kafka }: OwnServers, { traces }: Drain): Components {
  const servers = { broker: [kafka.pid], Postgres: [postgres.pid] }
  return traces === undefined ? servers : { ...servers, backend: [traces.backend.pid] }
}

interface Running {
  readonly trial: Trial
  readonly stages: StageProcesses
  readonly components: Components
}

/** Counts what is spent from the first batch that is done. */
async function untilFinished(
  { trial, stages, components }: Running,
  { messages }: Drain,
  { progress, signal }: Bench,
): Promise<() => Spending> {
  await using committed = await openCommitted(trial)
  const waitFor = (position: number, goal: number, everyMs: number) =>
    until({
      what: 'The messages done',
      reached: async () => {
        await stages.requireAlive()
        const done = await committed.at(position)
        progress.now(`    ${done} of ${messages} are through stage ${position}`)
        return done
      },
      goal,
      everyMs,
      signal,
    })
  await waitFor(1, 1, 20)
  const spending = countSpending(components)
  await waitFor(pipeline.length, messages, 100)
  return spending
}

/** From the first message begun to the last finished. */
async function finishedASecond(database: Database, messages: number): Promise<number> {
  const { rows } = await database.query<{ finished: number; seconds: number }>(
    `select count(*)::float8 as finished,
       extract(epoch from max(finished_at) - (select min(started_at) from results))::float8 as seconds
     from finished`,
  )
  const { finished = 0, seconds = 0 } = rows[0] ?? {}
  if (finished !== messages) throw new Error(`${finished} messages of ${messages} have finished`)
  return finished / seconds
}

const isStage = (name: string) => pipeline.some((stage) => stage.name === name)

function perMessage({ components, shares }: Spending, messages: number): Figures {
  const each = Object.entries(components).map(
    ([name, seconds]) => [name, (seconds * 1e6) / messages] as const,
  )
  const stages = each.filter(([name]) => isStage(name))
  return {
    ...shares,
    stagesCpu: stages.reduce((sum, [, cpu]) => sum + cpu, 0),
    ...Object.fromEntries(each.map(([name, cpu]) => [`${name}Cpu`, cpu])),
  }
}

function memoryOf(components: Components, stages: StageProcesses): Figures {
  const each = Object.entries(components).map(([name, pids]) => {
    const [first = 0] = pids
    return [`${name}Memory`, isStage(name) ? stages.peakMemory(name) : familyMemory(first)] as const
  })
  const largest = Math.max(...pipeline.map(({ name }) => stages.peakMemory(name)))
  return { stageMemory: largest, ...Object.fromEntries(each) }
}
