import type { Database } from '../sql/database.ts'
import { pipeline } from '../stages/index.ts'
import type { OwnServers } from '../test/support/own-servers.ts'
import { openCommitted } from './committed.ts'
import { fill, sampledIds, twelveIntegers } from './fill.ts'
import { startReady, tracing, type Tracing } from './flow.ts'
import type { Bench } from './part.ts'
import { familyMemory, type Components } from './processor-time.ts'
import { profiled } from './profiled.ts'
import type { Figures } from './report.ts'
import { countSpending, type Spending } from './spending.ts'
import { isStage, tracer, type StageCommand, type StageProcesses } from './stage-processes.ts'
import { traceFigures } from './trace-figures.ts'
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
  /** A tracer runs, and keeps them. */
  readonly traces?: Tracing
}

/**
 * Lets messages wait in front of the first stage and measures until all have finished. The first stage is started last,
 * when all others wait for it, so that nothing of their start is in what is measured.
 */
export async function drainOnce(servers: OwnServers, drain: Drain, bench: Bench): Promise<Figures> {
  const { messages, settings, traces } = drain
  const { progress, signal } = bench
  await using trial = await startTrial(servers, { ...twelveIntegers, ...tracing(traces), ...settings })
  const { database } = trial
  progress.now(`    ${messages} messages go in`)
  await fill(trial, messages, signal)
  // What filling has left Postgres to write would otherwise be written while the stages work, or not, by chance.
  await database.query('checkpoint')
  const [first, ...others] = drain.commands.map((command) => profiled(command, bench))
  if (first === undefined) throw new Error('There is no stage to run')
  const waiting = traces === undefined ? others : [...others, profiled(tracer, bench)]
  await using stages = await startReady(waiting, trial.env, signal)
  await stages.start(first)
  const components = { ...stages.components(), ...serverPids(servers), ...traces?.backend.components }
  const spent = await untilDone({ trial, stages, components }, drain, bench)
  const { finished, lastAt } = await readFinished(database, messages)
  const ids = traces && (await sampledIds(database, traces.ratio))
  return {
    finished,
    ...perMessage(spent, messages),
    ...memoryOf(components, stages),
    ...(traces && ids && { tracerSeconds: Math.max(0, spent.tracedAt - lastAt) }),
    ...(traces && ids && (await traceFigures({ backend: traces.backend, stages, ids }))),
    ...(await drain.readMore?.(database)),
  }
}

const serverPids = ({ postgres, kafka }: OwnServers) => ({ broker: [kafka.pid], Postgres: [postgres.pid] })

interface Running {
  readonly trial: Trial
  readonly stages: StageProcesses
  readonly components: Components
}

/** What was spent from the first batch that was done until the last message had finished, and until the tracer was done. */
interface Spent {
  readonly atFinish: Spending
  readonly atEnd: Spending
  /** Seconds since the epoch. */
  readonly tracedAt: number
}

async function untilDone(
  { trial, stages, components }: Running,
  { messages, traces }: Drain,
  { progress, signal }: Bench,
): Promise<Spent> {
  await using committed = await openCommitted(trial)
  const waitFor = (what: string, count: () => Promise<number>, goal = messages) => {
    const reached = async () => {
      await stages.requireAlive()
      const done = await count()
      progress.now(`    ${what} is done with ${done} of ${messages}`)
      return done
    }
    return until({ what, reached, goal, everyMs: goal === 1 ? 20 : 100, signal })
  }
  await waitFor('The first stage', () => committed.at(1), 1)
  const spending = countSpending(components)
  await waitFor('The last stage', committed.atLast)
  const atFinish = spending()
  if (traces === undefined) return { atFinish, atEnd: atFinish, tracedAt: 0 }
  await waitFor('The tracer', committed.byTracer)
  return { atFinish, tracedAt: Date.now() / 1000, atEnd: spending() }
}

interface Finished {
  /** Messages a second, from the first begun to the last finished. */
  readonly finished: number
  /** When the last finished, in seconds since the epoch. */
  readonly lastAt: number
}

async function readFinished(database: Database, messages: number): Promise<Finished> {
  const { rows } = await database.query<{ count: number; seconds: number; lastAt: number }>(
    `select count(*)::float8 as count, extract(epoch from max(finished_at))::float8 as "lastAt",
       extract(epoch from max(finished_at) - (select min(started_at) from results))::float8 as seconds
     from finished`,
  )
  const { count = 0, seconds = 0, lastAt = 0 } = rows[0] ?? {}
  if (count !== messages) throw new Error(`${count} messages of ${messages} have finished`)
  return { finished: count / seconds, lastAt }
}

function perMessage({ atFinish, atEnd }: Spent, messages: number): Figures {
  const each = Object.keys(atEnd.components).map((name) => {
    // Stages have nothing to do any more while the tracer catches up, but are not free.
    const { components } = isStage(name) ? atFinish : atEnd
    return [name, ((components[name] ?? 0) * 1e6) / messages] as const
  })
  const stages = each.filter(([name]) => isStage(name))
  return {
    ...atEnd.shares,
    stagesCpu: stages.reduce((sum, [, cpu]) => sum + cpu, 0),
    ...Object.fromEntries(each.map(([name, cpu]) => [`${name}Cpu`, cpu])),
  }
}

function memoryOf(components: Components, stages: StageProcesses): Figures {
  const ours = stages.components()
  const each = Object.entries(components).map(([name, pids]) => {
    const [first = 0] = pids
    return [`${name}Memory`, name in ours ? stages.peakMemory(name) : familyMemory(first)] as const
  })
  const largest = Math.max(...pipeline.map(({ name }) => stages.peakMemory(name)))
  return { stageMemory: largest, ...Object.fromEntries(each) }
}
