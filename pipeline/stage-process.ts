import { compute } from './compute.ts'
import type { Config } from './config.ts'
import { openDatabase } from './database.ts'
import { kafkaSettings } from './kafka-settings.ts'
import { createKafka } from './kafka.ts'
import type { Log } from './log.ts'
import { patiently, type Patience } from './patiently.ts'
import { aborted } from './process.ts'
import { publish } from './publish.ts'
import { deadLetterTopic, type Route } from './route.ts'
import { runStage } from './run-stage.ts'
import { save } from './save.ts'
import { createSender } from './send.ts'
import { givenUp, take, type Batch } from './take.ts'

/** One stage as a process: wires the machinery to Kafka and Postgres and runs until it is told to stop. */
export async function runStageProcess(
  config: Config,
  route: Route,
  log: Log,
  stopping: AbortSignal,
): Promise<void> {
  const settings = kafkaSettings(config, route.group)
  const kafka = createKafka(settings, log)
  const database = openDatabase(config, 4, (error) =>
    log.debug({ err: error }, 'A connection to Postgres broke'),
  )
  const sender = createSender(kafka, settings)
  const consumer = kafka.consumer({ ...settings.consumer, groupId: route.group })

  const work = async (batch: Batch) => {
    const { stage } = route
    const place = { stage: stage.name, topic: batch.topic, partition: batch.partition }
    const trying = <T>(what: string, attempt: () => Promise<T>) =>
      patiently(what, attempt, { log, signal: batch.signal })
    const saved = await runStage(batch.messages, {
      compute: (message) => compute(stage, message, settings.maxRecordBytes),
      save: (outcomes) => trying('Saving to Postgres', () => save(database, place, outcomes)),
      publish: (rows) =>
        publish(rows, {
          route,
          place,
          deadLetterTopic: config.TOPIC_PREFIX + deadLetterTopic,
          sender,
          database,
          patiently: trying,
        }),
      commit: batch.commit,
    })
    for (const { message, reason, explanation } of saved.deadLetters) {
      log.warn({ messageId: message.id, offset: message.offset, reason }, `Dead letter: ${explanation}`)
    }
  }

  const bug = Promise.withResolvers<Error>()
  const waiting: Patience = { log, signal: stopping }
  try {
    await patiently('Connecting to Kafka', () => consumer.connect(), waiting)
    const ended = givenUp(consumer, log)
    await take(consumer, route.source, settings, { work, stopping, onBug: bug.resolve })
    log.info(`Taking from ${route.source}, sending to ${route.target}.`)
    const end = await Promise.race([aborted(stopping), ended, bug.promise])
    if (end instanceof Error)
      throw new Error(`${route.stage.name} cannot go on: ${end.message}`, { cause: end })
  } catch (error) {
    if (!stopping.aborted) throw error
  } finally {
    await consumer.disconnect()
    await sender.close()
    await database.end()
  }
}
