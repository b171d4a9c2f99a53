import type { Consumer } from 'kafkajs'
import { createBusyTime, type BusyTime } from './busy-time.ts'
import { compute } from './compute.ts'
import { openDatabase, type Database } from './database.ts'
import { kafkaSettings, type KafkaSettings } from './kafka-settings.ts'
import { createKafka } from './kafka.ts'
import { logDeadLetters } from './log-dead-letters.ts'
import type { Message } from './message.ts'
import { createWaiting, patiently, type Waiting } from './patiently.ts'
import { aborted } from './process.ts'
import { publish } from './publish.ts'
import type { Route } from './route.ts'
import { runStage, type Collaborators } from './run-stage.ts'
import { save } from './save.ts'
import { createSender, type Sender } from './send.ts'
import type { Surroundings } from './surroundings.ts'
import { take, watch, type Batch } from './take.ts'

/** What one stage works with while its process lives. */
interface Workplace extends Surroundings {
  readonly route: Route
  readonly settings: KafkaSettings
  readonly consumer: Consumer
  readonly sender: Sender
  readonly database: Database
  readonly busy: BusyTime
}

/**
 * One stage as a process: takes batches and runs the stage on them until it is told to stop.
 * @throws when it cannot go on, so that the process ends and a supervisor starts it again
 */
export async function runStageProcess(
  surroundings: Surroundings,
  route: Route,
  stopping: AbortSignal,
): Promise<void> {
  const { log, health, observer } = surroundings
  const workplace = openWorkplace(surroundings, route, stopping)
  const { settings, consumer, busy } = workplace
  const bug = Promise.withResolvers<Error>()
  const work = async (batch: Batch) => {
    const publication = await whileBusy(busy, () => runStage(batch.messages, collaborators(batch, workplace)))
    health.progressed()
    observer.batchDone(publication, route)
    logDeadLetters(publication.deadLetters, log)
    const { results, deadLetters, copies } = publication
    return results.length + deadLetters.length + copies.length
  }
  try {
    const kafka = createWaiting('Kafka', surroundings)
    await connect(workplace, kafka, stopping)
    const ended = watch(consumer, surroundings, kafka)
    await take(consumer, settings, { work, stopping, onBug: bug.resolve })
    log.info(`Taking from ${route.source}, sending to ${route.target}.`)
    const end = await Promise.race([aborted(stopping), ended, bug.promise])
    if (end instanceof Error) throw new Error(`${route.stage.name} cannot go on`, { cause: end })
  } catch (error) {
    if (!stopping.aborted) throw error
  } finally {
    await close(workplace)
  }
}

function openWorkplace(surroundings: Surroundings, route: Route, stopping: AbortSignal): Workplace {
  const { config, log, observer } = surroundings
  const settings = kafkaSettings(config, route.group)
  const kafka = createKafka(settings, log)
  const database = openDatabase(config, 4, (error) =>
    log.debug({ err: error }, 'A connection to Postgres broke'),
  )
  // Without this, kafkajs would go on trying to reach a broker that is away when nobody wants to take from it any more.
  const restartOnFailure = () => Promise.resolve(!stopping.aborted)
  const retry = { ...settings.consumer.retry, restartOnFailure }
  const consumer = kafka.consumer({ ...settings.consumer, retry, groupId: route.group })
  observer.poolWaiting(() => database.waitingCount)
  const [sender, busy] = [createSender(kafka, settings), createBusyTime()]
  return { ...surroundings, route, settings, consumer, sender, database, busy }
}

/** Waits for both servers, so that nobody gives a partition to a process that cannot save. */
async function connect(
  { database, consumer, route, log, health }: Workplace,
  kafka: Waiting,
  signal: AbortSignal,
): Promise<void> {
  const patience = { log, health, signal }
  await patiently('Postgres', () => database.query('select 1'), patience)
  const subscribe = async () => {
    await consumer.connect()
    // Without fromBeginning, a group without an offset would start at the end and lose what was there before.
    await consumer.subscribe({ topic: route.source, fromBeginning: true })
  }
  // A broker that has just come back answers before its groups do: it works when the group is joined.
  const waiting = { ...kafka, works: () => {}, end: () => {} }
  await patiently('Kafka', subscribe, { ...patience, waiting })
}

async function close({ consumer, sender, database }: Workplace): Promise<void> {
  await consumer.disconnect()
  await sender.close()
  await database.end()
}

async function whileBusy<T>(busy: BusyTime, work: () => Promise<T>): Promise<T> {
  busy.begin()
  try {
    return await work()
  } finally {
    busy.end()
  }
}

function collaborators(batch: Batch, workplace: Workplace): Collaborators {
  const { route, log, health, observer, settings, sender, database, busy } = workplace
  const place = { stage: route.stage.name, topic: route.source, target: route.target }
  const trying = <T>(server: string, attempt: () => Promise<T>) => {
    batch.lost.throwIfAborted()
    return patiently(server, attempt, { log, health, signal: batch.signal })
  }
  const traceparent = (message: Message) => observer.traceparent(message, route)
  const publishing = {
    route,
    place,
    sender,
    database,
    traceparent,
    patiently: trying,
  }
  return {
    compute: (message) => compute(route.stage, message, settings.maxRecordBytes),
    save: (outcomes) => {
      const busySeconds = busy.take()
      observer.wasBusy(busySeconds)
      return trying('Postgres', () => save(database, place, outcomes, busySeconds))
    },
    publish: (saved) => publish(saved, publishing),
    commit: batch.commit,
  }
}
