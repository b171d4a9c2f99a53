import type { ProcessContext } from '../pipeline/process.ts'
import { createOutageTracker } from '../pipeline/retry.ts'
import type { Database } from '../sql/database.ts'
import { maintainPartitions, readDaysAhead, type PartitionChange } from '../sql/partitions.ts'
import { endBlockingSessions } from '../sql/reporting-role.ts'
import { sleep } from '../telemetry/wait-until.ts'
import { createLeaderLock, type LeaderLock } from './leader-lock.ts'
import { persistReport, setGauges } from './report-output.ts'
import { report, SAMPLE_SECONDS, type Report, type StageReport } from './report.ts'
import { decideScaling, type Scaling } from './processes-wanted.ts'
import type { SlidingWindow } from './samples.ts'
import { openReaders, takeSample, undefinedOnFailure, type Sources } from './take-sample.ts'
import { isBad, type Verdict } from './verdict.ts'

interface MonitorOptions {
  readonly database: Database
  /** Seconds. */
  readonly timing?: {
    /** Between two samples, and between two reports. */
    readonly every: number
    /** For how long rows and broker must disagree before messages count as missing. */
    readonly missingAfter: number
    readonly retentionEvery: number
  }
}

interface Monitor extends ProcessContext, Required<Pick<MonitorOptions, 'timing'>> {
  readonly sources: Sources
  readonly lock: LeaderLock
  readonly window: SlidingWindow
  /** The latest verdict on each stage. */
  readonly verdicts: Map<string, Verdict>
  /** The latest decision on each stage: how many processes it wants. */
  scaling: ReadonlyMap<string, Scaling>
  /** Whether it holds the lock; undefined until Postgres has said so. */
  isLeader: boolean | undefined
  /** Whether it has sampled since it became the leader. */
  hasSampled: boolean
  /** When retention is applied next, milliseconds, monotonic. */
  retentionAt: number
  /** Whole days after today that have partitions; undefined until they were counted. */
  daysAhead: number | undefined
}

/**
 * Monitors the whole pipeline until `stopping` is aborted: how much waits where, how old it is, whether it gets better, and
 * whether anything is missing. Of several monitors one is active; another takes over when that one ends. Sampling, reporting
 * and retention run side by side, so that a server that does not answer one of them does not hold up the others.
 */
export async function runMonitor(context: ProcessContext, options: MonitorOptions, stopping: AbortSignal): Promise<void> {
  const { metrics } = context
  const { database, timing = { every: SAMPLE_SECONDS, missingAfter: 60, retentionEvery: 60 } } = options
  const sources: Sources = {
    readers: openReaders(context),
    database,
    kafka: createOutageTracker('Kafka', context),
    postgres: createOutageTracker('Postgres', context),
  }
  const lock = createLeaderLock(context.config)
  const window: SlidingWindow = { samples: [], ledgerSamples: [] }
  const known = { verdicts: new Map(), scaling: new Map(), isLeader: undefined, hasSampled: false, daysAhead: undefined }
  const monitor: Monitor = { ...context, sources, lock, timing, window, ...known, retentionAt: 0 }
  for (const status of ['firing', 'resolved']) metrics.count('throughline_alert_notifications_total', 0, { status })
  for (const table of agingTables) metrics.count('throughline_rows_removed_total', 0, { table })
  metrics.onScrape(() => {
    setGauges(reportNow(monitor), metrics)
    const { isLeader, daysAhead } = monitor
    if (isLeader && daysAhead !== undefined) metrics.set('throughline_partitions_ahead_days', daysAhead)
  })
  const ending = new AbortController()
  const signal = AbortSignal.any([stopping, ending.signal])
  const repeat = (work: () => Promise<void>) => everyInterval(work, timing.every, signal).finally(() => ending.abort())
  try {
    await Promise.all([
      repeat(() => runReportCycle(monitor)),
      repeat(() => sample(monitor)),
      repeat(() => applyRetention(monitor, signal)),
    ])
  } finally {
    lock.release()
    await Promise.all(sources.readers.flatMap(({ admin, records }) => [admin.disconnect(), records.close()]))
  }
}

/** Starts `work` every so many seconds, or as soon as the previous run has ended. */
async function everyInterval(work: () => Promise<void>, seconds: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const begun = performance.now()
    await work()
    await sleep(Math.max(0, begun + seconds * 1000 - performance.now()), signal)
  }
}

async function sample(monitor: Monitor): Promise<void> {
  if (!monitor.isLeader) return
  await takeSample(monitor.sources, monitor.window)
  monitor.scaling = decideScaling(monitor.scaling, monitor.window, monitor.config.SCALE_TARGET_SECONDS)
  // Leadership may have changed meanwhile.
  monitor.hasSampled = monitor.isLeader
}

/** Undefined unless this monitor is active, and has sampled since it became so. */
function reportNow({ sources, timing, window, scaling, isLeader, hasSampled }: Monitor): Report | undefined {
  if (!isLeader || !hasSampled) return undefined
  const groups = sources.readers.map(({ group }) => group)
  return report(groups, window, { now: performance.now() / 1000, missingAfter: timing.missingAfter, scaling })
}

async function runReportCycle(monitor: Monitor): Promise<void> {
  const { sources, lock, health, log } = monitor
  // Before the lock, and without it: such a session may hold that very lock.
  const ended = await undefinedOnFailure(sources.postgres, () => endBlockingSessions(sources.database))
  if (ended) log.warn(`Ended sessions of grafana or pgweb that blocked the database: ${ended}.`)
  await acquireLock(monitor)
  health.connected(true)
  const made = reportNow(monitor)
  const { connection } = lock
  if (made === undefined) return
  for (const stage of made.stages) logVerdictChange(stage, monitor)
  if (connection !== undefined) await undefinedOnFailure(sources.postgres, () => persistReport(made, connection))
}

/** While Postgres is away no monitor can acquire the lock, so the active one stays active. */
async function acquireLock(monitor: Monitor): Promise<void> {
  const { sources, lock, log, window } = monitor
  const isLeader = await undefinedOnFailure(sources.postgres, lock.acquire)
  if (isLeader === undefined || isLeader === monitor.isLeader) return
  log.info(isLeader ? 'Watching.' : 'Another monitor is watching: standing by.')
  Object.assign(window, { samples: [], ledgerSamples: [] })
  Object.assign(monitor, { isLeader, hasSampled: false, scaling: new Map() })
}

/** Logs that a verdict has become bad, or is bad no more. */
function logVerdictChange({ stage, verdict, sentence }: StageReport, { verdicts, log }: Monitor): void {
  const before = verdicts.get(stage) ?? 'OK'
  verdicts.set(stage, verdict)
  if (verdict === before) return
  if (isBad(verdict)) log.warn({ watched: stage, verdict }, sentence)
  else if (isBad(before)) log.info({ watched: stage, verdict }, sentence)
}

/** The tables of which rows are removed when they are older than RETENTION. */
const agingTables = 'inputs results finished replays resolutions stage_samples ledger_samples alert_notifications'.split(
  ' ',
)

/**
 * Makes the partitions of the days ahead and removes rows that are older than RETENTION. It works for a fifth of a sample's
 * interval at most; when nothing is left, it works again after `retentionEvery`.
 */
async function applyRetention(monitor: Monitor, stopping: AbortSignal): Promise<void> {
  const { sources, config, timing } = monitor
  const begun = performance.now()
  if (!monitor.isLeader || begun < monitor.retentionAt) return
  const hasTime = () => !stopping.aborted && performance.now() - begun < timing.every * 200
  const maintain = () => maintainPartitions(sources.database, config.RETENTION, hasTime)
  const changes = await undefinedOnFailure(sources.postgres, maintain)
  for (const change of changes ?? []) reportChange(change, monitor)
  monitor.daysAhead =
    (await undefinedOnFailure(sources.postgres, () => readDaysAhead(sources.database))) ?? monitor.daysAhead
  const isDone = changes?.every(({ action }) => action === 'locked' || action === 'full')
  if (isDone) monitor.retentionAt = begun + timing.retentionEvery * 1000
}

function reportChange({ action, table, partition, rows }: PartitionChange, { metrics, log }: Monitor): void {
  const text = {
    made: `Created partition ${partition}.`,
    locked: `Partition ${partition} is in use: left for later.`,
    full: `Partition ${partition} cannot be created: the default one has too many rows of that day.`,
    dropped: `Dropped partition ${partition}, of about ${rows} rows.`,
    deleted: undefined,
  }[action]
  if (text !== undefined) log[action === 'full' ? 'warn' : 'info']({ partition, rows }, text)
  if (action === 'dropped' || action === 'deleted') metrics.count('throughline_rows_removed_total', rows, { table })
}
