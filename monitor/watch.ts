import type { ProcessContext } from '../pipeline/process-context.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { showReport } from './gauges.ts'
import { keepReport } from './keep.ts'
import { createMemory, type Memory } from './memory.ts'
import { asking, observe, type Sources } from './observe.ts'
import { repeat } from './repeat.ts'
import { report, type Report } from './report.ts'
import { keepPartitions, readDaysAhead, type Kept } from '../sql/partitions.ts'
import type { Seat } from './seat.ts'
import { isBad, type Verdict } from './verdict.ts'

/** Seconds. A test lets time pass faster. */
export interface Pace {
  readonly every: number
  /** For how long the two accounts have to disagree until messages are missing. */
  readonly patience: number
  /** Between two looks for days without partitions and rows that are too old. */
  readonly sweepEvery: number
}

export interface Watch extends ProcessContext {
  readonly metrics: Metrics
  readonly sources: Sources
  readonly seat: Seat
  readonly pace: Pace
}

/** What the one who watches knows. */
interface Post {
  readonly memory: Memory
  /** By stage. */
  readonly words: Map<string, Verdict>
  /** Whether the seat is ours; undefined while nobody could say. */
  isOurs: boolean | undefined
  /** Before the first look nothing can be said. */
  hasLooked: boolean
  /** Seconds. */
  nextSweep: number
  /** For how many days there are partitions; undefined before the first sweep. */
  daysAhead: number | undefined
}

const seconds = () => performance.now() / 1000

/**
 * Watches while the seat is ours, until it is told to stop. Looking, keeping and removing go on side by side: a server that
 * does not answer one of them does not hold up the others, and what is said is of the moment in which it is asked for.
 */
export async function watch(watching: Watch, stopping: AbortSignal): Promise<void> {
  const { metrics, pace } = watching
  const post: Post = {
    memory: createMemory(),
    words: new Map(),
    isOurs: undefined,
    hasLooked: false,
    nextSweep: 0,
    daysAhead: undefined,
  }
  metrics.beforePage(() => showReport(reportNow(watching, post), metrics))
  metrics.beforePage(() => showDaysAhead(post, metrics))
  const ending = new AbortController()
  const signal = AbortSignal.any([stopping, ending.signal])
  const again = (work: () => Promise<void>) => repeat(work, pace.every, signal).finally(() => ending.abort())
  await Promise.all([
    again(() => keep(watching, post)),
    again(() => look(watching, post)),
    again(() => applyRetention(watching, post, signal)),
  ])
}

/** Undefined when another monitor is the one to ask. */
function reportNow({ sources, pace }: Watch, { memory, isOurs, hasLooked }: Post): Report | undefined {
  const groups = sources.readers.map(({ group }) => group)
  return isOurs && hasLooked ? report(groups, memory, seconds(), pace.patience) : undefined
}

async function look({ sources }: Watch, post: Post): Promise<void> {
  if (!post.isOurs) return
  await observe(sources, post.memory)
  post.hasLooked = post.isOurs
}

async function keep(watching: Watch, post: Post): Promise<void> {
  const { sources, seat, health } = watching
  await sit(watching, post)
  health.connected(true)
  health.progressed()
  const made = reportNow(watching, post)
  const { connection } = seat
  if (made === undefined) return
  tell(made, post, watching)
  if (connection !== undefined) await asking(sources.postgres, () => keepReport(made, connection))
}

/** While Postgres is away nobody can take the seat: whoever had it goes on. */
async function sit({ sources, seat, log }: Watch, post: Post): Promise<void> {
  const isOurs = await asking(sources.postgres, seat.hold)
  if (isOurs === undefined || isOurs === post.isOurs) return
  log.info(isOurs ? 'Watching.' : 'Another monitor is watching: standing by.')
  post.memory.clear()
  post.hasLooked = false
  post.isOurs = isOurs
}

/** The log has a line whenever a stage gets into trouble or out of it. */
function tell({ stages }: Report, { words }: Post, { log }: Watch): void {
  for (const { stage, verdict, sentence } of stages) {
    const before = words.get(stage) ?? 'OK'
    words.set(stage, verdict)
    if (verdict === before) continue
    if (isBad(verdict)) log.warn({ watched: stage, verdict }, sentence)
    else if (isBad(before)) log.info({ watched: stage, verdict }, sentence)
  }
}

/** Makes partitions and removes old rows for a fifth of the time, as long as there are any. */
async function applyRetention(watching: Watch, post: Post, stopping: AbortSignal): Promise<void> {
  const { sources, config, pace } = watching
  const begun = seconds()
  if (!post.isOurs || begun < post.nextSweep) return
  const isTime = () => !stopping.aborted && seconds() - begun < pace.every / 5
  const { postgres, database } = sources
  const done = await asking(postgres, () => keepPartitions(database, config.RETENTION, isTime))
  for (const each of done ?? []) tellKept(each, watching)
  post.daysAhead = (await asking(postgres, () => readDaysAhead(database))) ?? post.daysAhead
  if (done?.every(({ action }) => action === 'locked' || action === 'full'))
    post.nextSweep = begun + pace.sweepEvery
}

function tellKept({ action, table, partition, rows }: Kept, { metrics, log }: Watch): void {
  if (action === 'made') log.info({ partition, rows }, `Made the partition ${partition}.`)
  if (action === 'full')
    log.warn(
      { partition },
      `The partition ${partition} cannot be made: the default one holds too many rows of that day.`,
    )
  if (action === 'locked') log.info({ partition }, `The partition ${partition} has to wait: it is in use.`)
  if (action === 'dropped')
    log.info({ partition, rows }, `Dropped the partition ${partition}, of about ${rows} rows.`)
  if (action === 'dropped' || action === 'deleted')
    metrics.count('throughline_rows_removed_total', rows, { table })
}

/** Undefined when another monitor is the one to ask, or nothing is known yet. */
function showDaysAhead({ isOurs, daysAhead }: Post, metrics: Metrics): void {
  metrics.forget('throughline_partitions_ahead_days')
  if (isOurs && daysAhead !== undefined) metrics.set('throughline_partitions_ahead_days', daysAhead)
}
