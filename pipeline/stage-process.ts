import { createBusyTime } from './busy-time.ts'
import { compute } from './compute.ts'
import { runConsumer, type ConsumerProcess } from './consumer-process.ts'
import { openDatabase } from '../sql/database.ts'
import { deliver, MAX_BATCH_MESSAGES, type Publication, type StageContext } from './deliver.ts'
import { kafkaSettings } from '../kafka/settings.ts'
import { createKafka } from '../kafka/client.ts'
import { logDeadLetters } from './log-dead-letters.ts'
import type { ProcessContext } from './process-context.ts'
import { createPropagation } from './propagation.ts'
import { createSender } from '../kafka/producer.ts'
import type { Route } from './route.ts'

/**
 * One stage as a process: consumes batches and delivers them until it is told to stop.
 * @throws when it cannot go on, so that the process ends and its supervisor starts it again
 */
export async function runStageProcess(
  process: ProcessContext,
  route: Route,
  stopping: AbortSignal,
): Promise<void> {
  const { config, log } = process
  const { group, source, target, previous } = route
  const settings = kafkaSettings(config, group)
  const kafka = createKafka(settings, log)
  await using opened = new AsyncDisposableStack()
  const database = opened.adopt(
    openDatabase(config, 4, (error) => log.debug({ err: error }, 'A connection to Postgres broke')),
    (pool) => pool.end(),
  )
  const sender = opened.adopt(createSender(kafka, settings), (one) => one.close())
  const stage: StageContext = {
    route,
    rows: { stage: route.stage.name, target, previous },
    database,
    sender,
    traceparentOf: await createPropagation(config, route.stage.name),
    compute: (message) => compute(route.stage, message, settings.maxRecordBytes),
  }
  const handleBatch = batchHandler(stage, process)
  const maxBatchMessages = MAX_BATCH_MESSAGES
  const work = { group, topics: [source], kafka, settings, database, maxBatchMessages, handleBatch }
  await runConsumer(process, work, stopping)
}

/** Delivers batches, and tells log and metrics. */
function batchHandler(
  stage: StageContext,
  { log, observer }: ProcessContext,
): ConsumerProcess['handleBatch'] {
  const busy = createBusyTime()
  const onPublished = (publication: Publication) => {
    observer.batchDone(publication, stage.route)
    logDeadLetters(publication.deadLetters, log)
  }
  const takeBusySeconds = () => {
    const seconds = busy.take()
    observer.wasBusy(seconds)
    return seconds
  }
  return async ({ messages, commit }, retry) => {
    busy.begin()
    try {
      return await deliver(messages, stage, { retry, takeBusySeconds, onPublished, commit })
    } finally {
      busy.end()
    }
  }
}
