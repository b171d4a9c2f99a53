import { setTimeout as pause } from 'node:timers/promises'
import type { Database } from '../pipeline/database.ts'
import { pipeline } from '../stages/index.ts'
import type { OwnServers } from '../test/own-servers.ts'
import { countSampled, fill, twelveIntegers } from './fill.ts'
import type { Bench } from './part.ts'
import { usedBy } from './processor-time.ts'
import type { Figures } from './report.ts'
import type { SpanBackend } from './span-backend.ts'
import { startStages, type StageCommand, type StageProcesses } from './stage-processes.ts'
import { startTrial } from './trial.ts'
import { until } from './until.ts'

export interface Drain {
  readonly messages: number
  readonly commands: readonly StageCommand[]
  /** Variables of its own. */
  readonly settings?: Readonly<Record<string, string>>
  /** What else is to be read from the rows, once all have finished. */
  readonly readMore?: (database: Database) => Promise<Figures>
  readonly traces?: { readonly backend: SpanBackend; readonly ratio: number }
}

/**
 * Lets messages wait in front of the first stage, then starts the stages and measures until all have finished. The clock
 * runs from the first finish to the last; what the processes need to start is measured by itself.
 */
export async function drainOnce(servers: OwnServers, drain: Drain, bench: Bench): Promise<Figures> {
  const { messages, commands, settings, traces } = drain
  const { progress, signal } = bench
  await using trial = await startTrial(servers, { ...twelveIntegers, ...tracing(drain), ...settings })
  const { database } = trial
  const receivedBefore = (await traces?.backend.count())?.received ?? 0
  progress.now(`    ${messages} messages go in`)
  await fill(trial, messages, signal)
  // What filling has left Postgres to write would otherwise be written while the stages work, or not, by chance.
  await database.query('checkpoint')
  const startedAt = performance.now()
  await using stages = await startStages(commands, trial.env)
  const components = {
    stages: stages.pids,
    postgres: [servers.postgres.pid],
    broker: [servers.kafka.pid],
    ...(traces && { backend: [traces.backend.pid] }),
  }
  const waitFor = (position: number, goal: number) =>
    until({
      what: 'The messages done',
      reached: async () => {
        await stages.requireAlive()
        const done = await countDone(database, position)
        progress.now(`    ${done} of ${messages} are through stage ${position}`)
        return done
      },
      goal,
      everyMs: goal === 1 ? 20 : 100,
      signal,
    })
  await waitFor(1, 1)
  const startSeconds = (performance.now() - startedAt) / 1000
  const before = usedBy(components)
  await waitFor(pipeline.length, messages)
  const after = usedBy(components)
  const spans = traces && (await spanFigures(drain, { database, stages, receivedBefore, signal }))
  return {
    ...(await finishFigures(database, messages)),
    ...perMessage(before, after, messages),
    ...spans,
    ...(await drain.readMore?.(database)),
    startSeconds,
    stageMemory: stages.peakMemory(),
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

async function countDone(database: Database, position: number): Promise<number> {
  const { rows } = await database.query<{ done: number }>(
    'select processed::float8 as done from stage_totals where position = $1',
    [position],
  )
  return rows[0]?.done ?? 0
}

/** The last finishes are written after the last rows. */
async function finishFigures(database: Database, messages: number): Promise<Figures> {
  for (;;) {
    const { rows } = await database.query<{ finished: number; seconds: number; whole: number }>(
      `select count(*)::float8 as finished, extract(epoch from max(finished_at) - min(finished_at))::float8 as seconds,
         extract(epoch from max(finished_at) - (select min(started_at) from results))::float8 as whole
       from finishes`,
    )
    const { finished = 0, seconds = 0, whole = 0 } = rows[0] ?? {}
    if (finished >= messages)
      return { finished: (messages - 1) / seconds, finishedFromStart: messages / whole }
    await pause(50)
  }
}

function perMessage(before: Figures, after: Figures, messages: number): Figures {
  const entries = Object.entries(after).map(
    ([name, seconds]) => [`${name}Cpu`, ((seconds - (before[name] ?? 0)) * 1e6) / messages] as const,
  )
  return Object.fromEntries(entries)
}

/** A generator's span, and two at each stage. */
const SPANS_A_MESSAGE = 1 + 2 * pipeline.length
const SETTLED_MS = 5000

interface SpanSources {
  readonly database: Database
  readonly stages: StageProcesses
  readonly receivedBefore: number
  readonly signal: AbortSignal
}

/** What became of the spans, once no more arrive. */
async function spanFigures(
  { traces }: Drain,
  { database, stages, receivedBefore, signal }: SpanSources,
): Promise<Figures> {
  if (traces === undefined) return {}
  const { backend, ratio } = traces
  const expected = (await countSampled(database, ratio)) * SPANS_A_MESSAGE
  let [received, discarded, changedAt] = [0, 0, performance.now()]
  while (received < expected && performance.now() - changedAt < SETTLED_MS) {
    const now = await backend.count()
    if (now.received - receivedBefore > received) changedAt = performance.now()
    received = now.received - receivedBefore
    discarded = now.discarded
    await pause(200, undefined, { signal })
  }
  const spansLost = expected - received + discarded
  return {
    spansExpected: expected,
    spansReceived: received,
    spansLost,
    spansGivenUp: await stages.lostSpans(),
  }
}
