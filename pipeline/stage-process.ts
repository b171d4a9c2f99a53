import { createKafka } from '../kafka/client.ts'
import { createSender } from '../kafka/producer.ts'
import { kafkaSettings } from '../kafka/settings.ts'
import { openDatabase } from '../sql/database.ts'
import type { Log } from '../telemetry/log.ts'
import { traceIdOf } from '../telemetry/trace-context.ts'
import { compute, type DeadLetter } from './compute.ts'
import { type ConsumerProcess, runConsumer } from './consumer-process.ts'
import { createBusyTime, deliver, MAX_BATCH_MESSAGES, type Publication, type StageContext } from './deliver.ts'
import { createPropagation } from './headers.ts'
import type { ProcessContext } from './process.ts'
import type { Route } from './route.ts'

/**
 * One stage as a process: consumes batches and delivers them until it is told to stop.
 * @throws when it cannot continue, so that the process ends and its supervisor starts it again
 */
export async function runStageProcess(context: ProcessContext, route: Route, stopping: AbortSignal): Promise<void> {
  const { config, log } = context
  const { group, source, target, previous } = route
  const settings = kafkaSettings(config, group)
  const kafka = createKafka(settings, log)
  await using opened = new AsyncDisposableStack()
  const database = opened.adopt(openDatabase(config, 4, log), (pool) => pool.end())
  const sender = opened.adopt(createSender(kafka, settings), (one) => one.close())
  const stage: StageContext = {
    route,
    rows: { stage: route.stage.name, target, previous },
    database,
    sender,
    traceparentOf: await createPropagation(config, route.stage.name),
    compute: (message) => compute(route.stage, message, settings.maxRecordBytes),
  }
  const handleBatch = batchHandler(stage, context)
  const maxBatchMessages = MAX_BATCH_MESSAGES
  const options = { group, topics: [source], kafka, settings, database, maxBatchMessages, handleBatch }
  await runConsumer(context, options, stopping)
}

/** Delivers batches, and reports them to log and metrics. */
function batchHandler(stage: StageContext, { log, observer }: ProcessContext): ConsumerProcess['handleBatch'] {
  const busy = createBusyTime()
  const onPublished = (publication: Publication) => {
    observer.batchDone(publication, stage.route)
    logDeadLetters(publication.deadLetters, log)
  }
  const takeBusySeconds = () => {
    const seconds = busy.takeSeconds()
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

/** One line for each reason in a batch, however many dead letters have it; the others are logged at level debug. */
export function logDeadLetters(letters: readonly DeadLetter[], log: Log): void {
  for (const [reason, [first, ...others]] of Map.groupBy(letters, (letter) => letter.reason)) {
    if (first === undefined) continue
    const more = others.length > 0 ? ` (and ${others.length} more of this batch: ${reason})` : ''
    log.warn({ ...fieldsOf(first), count: 1 + others.length }, `Dead letter: ${first.explanation}${more}`)
    for (const letter of others) log.debug(fieldsOf(letter), `Dead letter: ${letter.explanation}`)
  }
}

function fieldsOf({ message, reason }: DeadLetter) {
  return { messageId: message.id, traceId: traceIdOf(message), offset: message.offset, reason }
}
