import type { Consumer } from 'kafkajs'
import { createBusyTime } from './busy-time.ts'
import { compute } from './compute.ts'
import { consume, watchConsumer, type Batch } from './consumer.ts'
import { openDatabase } from './database.ts'
import { deliver, MAX_BATCH_MESSAGES, type Publication, type StageContext } from './deliver.ts'
import { kafkaSettings } from './kafka-settings.ts'
import { createKafka } from './kafka.ts'
import { logDeadLetters } from './log-dead-letters.ts'
import { readMessage, type Message } from './message.ts'
import type { ProcessContext } from './process-context.ts'
import { aborted } from './process.ts'
import { createSender } from './producer.ts'
import { createOutageTracker, retryForever, type OutageTracker } from './retry.ts'
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
  const settings = kafkaSettings(config, route.group)
  const kafka = createKafka(settings, log)
  // Without this, kafkajs would go on trying to reach a broker that is away when the process is to end.
  const restartOnFailure = () => Promise.resolve(!stopping.aborted)
  const retry = { ...settings.consumer.retry, restartOnFailure }
  const consumer = kafka.consumer({ ...settings.consumer, retry, groupId: route.group })
  const database = openDatabase(config, 4, (error) =>
    log.debug({ err: error }, 'A connection to Postgres broke'),
  )
  process.observer.poolWaiting(() => database.waitingCount)
  const stage: StageContext = {
    route,
    rows: { stage: route.stage.name, target: route.target, previous: route.previous },
    database,
    sender: createSender(kafka, settings),
    traceparentOf: (message) => process.observer.traceparent(message, route),
    compute: (message) => compute(route.stage, message, settings.maxRecordBytes),
  }
  const bug = Promise.withResolvers<Error>()
  try {
    const outage = createOutageTracker('Kafka', process)
    await connect({ stage, consumer, outage }, process, stopping)
    const ended = watchConsumer(consumer, process, outage)
    const joined = consume<Message>(consumer, settings, {
      read: readMessage,
      handleBatch: handleBatches(stage, process),
      maxBatchMessages: MAX_BATCH_MESSAGES,
      stopping,
      onBug: bug.resolve,
    })
    const stopped = aborted(stopping)
    // The first join may wait for other members for longer than a process that is to end has time.
    await Promise.race([joined, stopped])
    if (!stopping.aborted) log.info(`Consuming ${route.source}, publishing to ${route.target}.`)
    const end = await Promise.race([stopped, ended, bug.promise])
    if (end instanceof Error) throw new Error(`${route.stage.name} cannot go on`, { cause: end })
  } catch (error) {
    if (!stopping.aborted) throw error
  } finally {
    await consumer.disconnect()
    await stage.sender.close()
    await database.end()
  }
}

interface Connecting {
  readonly stage: StageContext
  readonly consumer: Consumer
  readonly outage: OutageTracker
}

/** Waits for both servers, so that no partition is assigned to a process that cannot save. */
async function connect(
  { stage: { database, route }, consumer, outage }: Connecting,
  { log, health }: ProcessContext,
  signal: AbortSignal,
): Promise<void> {
  const options = { log, health, signal }
  await retryForever((using) => using('Postgres', () => database.query('select 1')), options)
  const subscribe = async () => {
    await consumer.connect()
    // Without fromBeginning, a group without an offset would start at the end and lose what was there before.
    await consumer.subscribe({ topic: route.source, fromBeginning: true })
  }
  // A broker that has just come back answers before its groups do: it works when the group is joined.
  const tracker = { ...outage, works: () => {}, end: () => {} }
  await retryForever((using) => using('Kafka', subscribe), { ...options, tracker })
}

/** Delivers batches, and tells log, health and metrics. */
function handleBatches(stage: StageContext, { log, health, observer }: ProcessContext) {
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
  return async ({ messages, signal, lost, commit }: Batch<Message>): Promise<number> => {
    const batch = health.batchBegan()
    const options = { log, health, signal, onProgress: batch.progressed }
    busy.begin()
    try {
      return await deliver(messages, stage, {
        retry: (attempt) =>
          retryForever((using) => {
            lost.throwIfAborted()
            return attempt(using)
          }, options),
        takeBusySeconds,
        onPublished,
        commit,
      })
    } finally {
      busy.end()
      batch.ended()
    }
  }
}
