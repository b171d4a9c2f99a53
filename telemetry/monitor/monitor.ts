import type { Kafka } from 'kafkajs'
import type { Database } from '../../sql/database.ts'
import { kafkaSettings } from '../../kafka/settings.ts'
import { createKafka } from '../../kafka/client.ts'
import { createOutageTracker } from '../../pipeline/retry.ts'
import { createHealth } from '../../pipeline/health.ts'
import type { Log } from '../../pipeline/log.ts'
import { routes, type Route } from '../../pipeline/route.ts'
import type { ProcessContext } from '../../pipeline/process-context.ts'
import { createAdmin } from '../kafka-cluster.ts'
import type { Metrics } from '../metrics.ts'
import { createPeek } from '../peek.ts'
import { createSeat } from './seat.ts'
import type { StageDesk } from './take-sample.ts'
import { watch, type Pace } from './watch.ts'

const usualPace: Pace = { every: 5, patience: 60, sweepEvery: 60 }

/** A broker that does not answer at once is one that cannot be asked now: the next sample is due. */
const impatient = { connectionTimeout: 2000, requestTimeout: 4000 }
const retry = { initialRetryTime: 100, maxRetryTime: 300, retries: 1 }

export interface MonitorParts {
  readonly metrics: Metrics
  readonly database: Database
  readonly pace?: Pace
}

/**
 * Watches the whole pipeline until it is told to stop: how much waits where, how old it is, whether it gets better, and
 * whether anything is missing. Of several monitors one is active; another takes over when it ends.
 */
export async function runMonitor(
  context: ProcessContext,
  { metrics, database, pace = usualPace }: MonitorParts,
  stopping: AbortSignal,
): Promise<void> {
  const { config, log, health } = context
  const settings = kafkaSettings(config, `${config.TOPIC_PREFIX}monitor`)
  const kafka = createKafka({ ...settings, client: { ...settings.client, ...impatient, retry } }, log)
  const seat = createSeat(config)
  const flow = routes(config)
  const desks = flow.map((route) => openDesk(kafka, route, log))
  const sources = {
    flow,
    desks,
    database,
    kafka: createOutageTracker('Kafka', { log, health }),
    postgres: createOutageTracker('Postgres', { log, health }),
  }
  try {
    await watch({ ...context, metrics, sources, seat, pace }, stopping)
  } finally {
    seat.leave()
    await Promise.all(desks.flatMap(({ admin, peek }) => [admin.disconnect(), peek.close()]))
  }
}

function openDesk(kafka: Kafka, route: Route, log: Log): StageDesk {
  // A stage that cannot be read makes the monitor neither less ready nor less alive.
  const reading = createOutageTracker(`Reading what waits at ${route.stage.name}`, {
    log,
    health: createHealth(),
  })
  return { route, admin: createAdmin(kafka), peek: createPeek(kafka), reading }
}
