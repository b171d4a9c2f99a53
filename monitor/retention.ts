import type { ProcessContext } from '../pipeline/process.ts'
import { maintainPartitions, readDaysAhead, type PartitionChange } from '../sql/partitions.ts'
import { undefinedOnFailure, type Sources } from './take-sample.ts'

const TABLES = 'inputs results finished replays resolutions stage_samples ledger_samples alert_notifications'.split(' ')

/**
 * Makes the partitions of the days ahead and removes rows that are older than RETENTION.
 * @param timing seconds: a call works for a fifth of `every` at most, and when nothing is left, the next does after `retentionEvery`
 */
export function createRetention(
  context: Pick<ProcessContext, 'config' | 'log' | 'metrics'>,
  { database, postgres }: Pick<Sources, 'database' | 'postgres'>,
  timing: { readonly every: number; readonly retentionEvery: number },
) {
  const { config, metrics } = context
  for (const table of TABLES) metrics.count('throughline_rows_removed_total', 0, { table })
  let dueAt = 0
  let daysAhead: number | undefined
  return {
    async apply(stopping: AbortSignal): Promise<void> {
      const begun = performance.now()
      if (begun < dueAt) return
      const hasTime = () => !stopping.aborted && performance.now() - begun < timing.every * 200
      const changes = await undefinedOnFailure(postgres, () => maintainPartitions(database, config.RETENTION, hasTime))
      for (const change of changes ?? []) report(change, context)
      daysAhead = (await undefinedOnFailure(postgres, () => readDaysAhead(database))) ?? daysAhead
      const isDone = changes?.every(({ action }) => action === 'locked' || action === 'full')
      if (isDone) dueAt = begun + timing.retentionEvery * 1000
    },
    setGauge(): void {
      if (daysAhead !== undefined) metrics.set('throughline_partitions_ahead_days', daysAhead)
    },
  }
}

const texts: Partial<Record<PartitionChange['action'], (partition: string, rows: number) => string>> = {
  made: (partition) => `Created partition ${partition}.`,
  locked: (partition) => `Partition ${partition} is in use: left for later.`,
  full: (partition) => `Partition ${partition} cannot be created: the default one has too many rows of that day.`,
  dropped: (partition, rows) => `Dropped partition ${partition}, of about ${rows} rows.`,
}

function report(
  { action, table, partition, rows }: PartitionChange,
  { metrics, log }: Pick<ProcessContext, 'log' | 'metrics'>,
): void {
  const text = texts[action]?.(partition, rows)
  if (text !== undefined) log[action === 'full' ? 'warn' : 'info']({ partition, rows }, text)
  if (action === 'dropped' || action === 'deleted') metrics.count('throughline_rows_removed_total', rows, { table })
}
