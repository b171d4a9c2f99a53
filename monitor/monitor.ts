import type { Kafka } from 'kafkajs'
import type { Database } from '../sql/database.ts'
import { exportsTraces } from '../pipeline/config.ts'
import { kafkaSettings } from '../kafka/settings.ts'
import { createKafka } from '../kafka/client.ts'
import { createOutageTracker } from '../pipeline/retry.ts'
import { createHealth } from '../telemetry/health.ts'
import type { Log } from '../telemetry/log.ts'
import type { ProcessContext } from '../pipeline/process-context.ts'
import { createAdmin } from '../kafka/cluster.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { createRecordReader } from '../kafka/oldest-record.ts'
import { monitoredGroups, type MonitoredGroup } from './monitored-groups.ts'
import { createSeat } from './seat.ts'
import type { GroupReader } from './take-sample.ts'
import { watch, type Pace } from './watch.ts'

const usualPace: Pace = { every: 5, patience: 60, sweepEvery: 60 }

/** A broker that does not answer at once is one that cannot be asked now: the next sample is due. */
const impatient = { connectionTimeout: 2000, requestTimeout: 4000 }
const retry = { initialRetryTime: 100, maxRetryTime: 300, retries: 1 }

export interface MonitorParts {
  readonly metrics: Metrics
  readonly database: Database
  readonly pace?: Pace
  /** Whether traces are exported, so that the tracer is watched, too. */
  readonly isTracing?: boolean
}

/**
 * Watches the whole pipeline until it is told to stop: how much waits where, how old it is, whether it gets better, and
 * whether anything is missing. Of several monitors one is active; another takes over when it ends.
 */
export async function runMonitor(
  context: ProcessContext,
  { metrics, database, pace = usualPace, isTracing = exportsTraces() }: MonitorParts,
  stopping: AbortSignal,
): Promise<void> {
  const { config, log, health } = context
  const settings = kafkaSettings(config, `${config.TOPIC_PREFIX}monitor`)
  const kafka = createKafka({ ...settings, client: { ...settings.client, ...impatient, retry } }, log)
  const seat = createSeat(config)
  const readers = monitoredGroups(config, isTracing).map((group) => openReader(kafka, group, log))
  const sources = {
    readers,
    database,
    kafka: createOutageTracker('Kafka', { log, health }),
    postgres: createOutageTracker('Postgres', { log, health }),
  }
  try {
    await watch({ ...context, metrics, sources, seat, pace }, stopping)
  } finally {
    seat.leave()
    await Promise.all(readers.flatMap(({ admin, records }) => [admin.disconnect(), records.close()]))
  }
}

function openReader(kafka: Kafka, group: MonitoredGroup, log: Log): GroupReader {
  // A group that cannot be read makes the monitor neither less ready nor less alive.
  const outages = createOutageTracker(`Reading what waits at ${group.name}`, { log, health: createHealth() })
  return { group, admin: createAdmin(kafka), records: createRecordReader(kafka), outages }
}
