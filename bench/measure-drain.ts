import { runToEnd } from '../local/child-process.ts'
import type { Database } from '../sql/database.ts'
import { pipeline } from '../stages/index.ts'
import type { DedicatedServers } from '../test/support/processes/dedicated-servers.ts'
import { startRun, waitForCount, type BenchmarkRun } from './benchmark-run.ts'
import { familyMemory, measureCpu, peakMemory, type Components, type CpuUsage } from './machine.ts'
import { isStage, startProcesses, throughline, tracer, type ProcessCommand, type Processes } from './processes.ts'
import type { BenchContext, Figures } from './suite.ts'
import { readSampledIds, startTraceBackend, traceFigures } from './trace-backend.ts'

export interface Drain {
  readonly messages: number
  /** The first stage comes first. */
  readonly commands: readonly ProcessCommand[]
  readonly settings?: Readonly<Record<string, string>>
  /** Figures to read from the rows when all messages have finished. */
  readonly readMore?: (database: Database) => Promise<Figures>
  /** The share of traces that are kept; without it there is no tracer. */
  readonly ratio?: number
}

/**
 * Puts messages on the first topic, then measures until all have finished. The first stage is started last, when the others
 * are ready, so that their start is not measured.
 */
export async function measureDrain(servers: DedicatedServers, drain: Drain, context: BenchContext): Promise<Figures> {
  const { messages, settings, ratio = 0, readMore } = drain
  const { progress, signal } = context
  await using backend = ratio > 0 ? await startTraceBackend() : undefined
  await using run = await startRun(servers, { ...backend?.variables(ratio), ...settings })
  progress.now(`    ${messages} messages are generated`)
  // Without traceparent, so that all drains start alike and the first stage decides which traces are kept.
  const untraced = { ...run.env, OTEL_SDK_DISABLED: 'true' }
  await runToEnd({ ...throughline(['generator', '--messages', String(messages)], untraced), signal })
  // Otherwise Postgres writes what the generator left at any time while the stages work.
  await run.database.query('checkpoint')
  const commands = backend === undefined ? drain.commands : [...drain.commands, tracer]
  const [first, ...others] = commands.map((command) => profiled(command, context))
  if (first === undefined) throw new Error('There is no stage to run')
  await using processes = await startProcesses(others, run.env, signal)
  await processes.start(first)
  const { kafka, postgres } = servers
  const own = processes.components()
  const components = { ...own, broker: [kafka.pid], Postgres: [postgres.pid], ...backend?.components }
  const usage = await untilDone({ run, processes, components, drain }, context)
  const { finished, lastAt } = await readFinished(run.database, messages)
  return {
    finished,
    ...cpuFigures(usage, messages),
    ...memoryFigures(own, components),
    ...(backend && { tracerSeconds: Math.max(0, usage.tracedAt - lastAt) }),
    ...(backend && (await traceFigures(backend, processes, await readSampledIds(run.database, ratio)))),
    ...(await readMore?.(run.database)),
  }
}

/** The same command, which writes a CPU profile at its end where that is asked for. */
function profiled({ name, args }: ProcessCommand, { profiles }: BenchContext): ProcessCommand {
  if (profiles === undefined) return { name, args }
  const file = `--cpu-prof-name=${name}-${Date.now()}.cpuprofile`
  return { name, args: ['--cpu-prof', `--cpu-prof-dir=${profiles}`, file, ...args] }
}

interface Running {
  readonly run: BenchmarkRun
  readonly processes: Processes
  readonly components: Components
  readonly drain: Drain
}

/** CPU usage since the first batch was committed. */
interface Usage {
  readonly atFinish: CpuUsage
  /** When the tracer has no backlog any more. */
  readonly atEnd: CpuUsage
  /** Seconds since the epoch. */
  readonly tracedAt: number
}

async function untilDone(
  { run, processes, components, drain: { messages, ratio } }: Running,
  { progress, signal }: BenchContext,
): Promise<Usage> {
  const committed = (name: string, goal = messages) => {
    const count = async () => {
      await processes.requireAlive()
      const done = await run.committed(name)
      progress.now(`    ${name} has committed ${done} of ${messages}`)
      return done
    }
    const everyMs = goal === 1 ? 20 : 100
    return waitForCount(`${name} has committed ${goal}`, count, { goal, everyMs, signal })
  }
  await committed(pipeline[0]?.name ?? '', 1)
  const usage = measureCpu(components)
  await committed(pipeline.at(-1)?.name ?? '')
  const atFinish = usage()
  if (ratio === undefined) return { atFinish, atEnd: atFinish, tracedAt: 0 }
  await committed(tracer.name)
  return { atFinish, tracedAt: Date.now() / 1000, atEnd: usage() }
}

/** Messages a second from the start of the first to the last finish, and the time of that in seconds since the epoch. */
async function readFinished(database: Database, messages: number) {
  const { rows } = await database.query<{ count: number; seconds: number; lastAt: number }>(
    `select count(*)::float8 as count, extract(epoch from max(finished_at))::float8 as "lastAt",
       extract(epoch from max(finished_at) - (select min(started_at) from results))::float8 as seconds
     from finished`,
  )
  const { count = 0, seconds = 0, lastAt = 0 } = rows[0] ?? {}
  if (count !== messages) throw new Error(`${count} messages of ${messages} have finished`)
  return { finished: count / seconds, lastAt }
}

/** Microseconds a message. Stages have no work while the tracer catches up, but use some CPU time: it does not count. */
function cpuFigures({ atFinish, atEnd }: Usage, messages: number): Figures {
  const each = Object.keys(atEnd.components).map((name) => {
    const { components } = isStage(name) ? atFinish : atEnd
    return [name, ((components[name] ?? 0) * 1e6) / messages] as const
  })
  const stagesCpu = each.reduce((sum, [name, cpu]) => sum + (isStage(name) ? cpu : 0), 0)
  return { ...atEnd.shares, stagesCpu, ...Object.fromEntries(each.map(([name, cpu]) => [`${name}Cpu`, cpu])) }
}

function memoryFigures(own: Components, components: Components): Figures {
  const peak = (name: string) => Math.max(...(own[name] ?? []).map(peakMemory))
  const each = Object.entries(components).map(([name, [first = 0]]) => {
    return [`${name}Memory`, name in own ? peak(name) : familyMemory(first)] as const
  })
  const stageMemory = Math.max(...Object.keys(own).filter(isStage).map(peak))
  return { stageMemory, ...Object.fromEntries(each) }
}
