import type { Config } from '../pipeline/config.ts'
import { maintainPartitions, readDaysAhead, type PartitionChange } from '../sql/partitions.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { unlessAway, type Sources } from './take-sample.ts'

interface Options {
  readonly config: Pick<Config, 'RETENTION'>
  readonly log: Log
  readonly metrics: Metrics
  readonly sources: Pick<Sources, 'database' | 'postgres'>
  /** Seconds for which it works at most at once, and from having nothing left to do to the next time. */
  readonly timing: { readonly every: number; readonly retentionEvery: number }
}

const TABLES = 'inputs results finished replays stage_samples ledger_samples alert_notifications'.split(' ')

/** Makes the partitions of the days ahead and removes rows that are older than RETENTION. */
export function createRetention(options: Options) {
  const { config, metrics, sources, timing } = options
  const { database, postgres } = sources
  for (const table of TABLES) metrics.count('throughline_rows_removed_total', 0, { table })
  let dueAt = 0
  let daysAhead: number | undefined
  return {
    /** Works for a fifth of the time at most, when it is due. */
    async apply(stopping: AbortSignal): Promise<void> {
      const begun = performance.now()
      if (begun < dueAt) return
      const hasTime = () => !stopping.aborted && performance.now() - begun < timing.every * 200
      const changes = await unlessAway(postgres, () => maintainPartitions(database, config.RETENTION, hasTime))
      for (const change of changes ?? []) report(change, options)
      daysAhead = (await unlessAway(postgres, () => readDaysAhead(database))) ?? daysAhead
      const isDone = changes?.every(({ action }) => action === 'locked' || action === 'full')
      if (isDone) dueAt = begun + timing.retentionEvery * 1000
    },
    /** Absent when another monitor is active, or nothing is known yet. */
    setGauge(isActive: boolean | undefined): void {
      if (isActive && daysAhead !== undefined) metrics.set('throughline_partitions_ahead_days', daysAhead)
    },
  }
}

const texts: Partial<Record<PartitionChange['action'], (partition: string, rows: number) => string>> = {
  made: (partition) => `Created partition ${partition}.`,
  locked: (partition) => `Partition ${partition} is in use: left for later.`,
  full: (partition) => `Partition ${partition} cannot be created: the default one has too many rows of that day.`,
  dropped: (partition, rows) => `Dropped partition ${partition}, of about ${rows} rows.`,
}

function report({ action, table, partition, rows }: PartitionChange, { metrics, log }: Options): void {
  const text = texts[action]?.(partition, rows)
  if (text !== undefined) log[action === 'full' ? 'warn' : 'info']({ partition, rows }, text)
  if (action === 'dropped' || action === 'deleted') metrics.count('throughline_rows_removed_total', rows, { table })
}
