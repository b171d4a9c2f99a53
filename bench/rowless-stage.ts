import { Command } from 'commander'
import { compute, isDeadLetter } from '../pipeline/compute.ts'
import { readConfig } from '../pipeline/config.ts'
import { consume, watchConsumer, type Batch } from '../kafka/consumer.ts'
import { openDatabase } from '../sql/database.ts'
import { MAX_BATCH_MESSAGES } from '../pipeline/deliver.ts'
import { insertFinished } from '../sql/finished.ts'
import { createHealth } from '../telemetry/health.ts'
import { kafkaSettings } from '../kafka/settings.ts'
import { createKafka } from '../kafka/client.ts'
import { createLog } from '../telemetry/log.ts'
import { readMessage, type Message } from '../pipeline/message.ts'
import { noopObserver } from '../pipeline/observer.ts'
import { aborted, untilStopped } from '../pipeline/process.ts'
import { createSender } from '../kafka/producer.ts'
import { beginSending, publishedOf, resultRecords } from '../pipeline/publish.ts'
import { createOutageTracker } from '../pipeline/retry.ts'
import { routeOf } from '../pipeline/route.ts'
import { save } from '../pipeline/save.ts'
import { openReadyDoor } from './ready-door.ts'

/**
 * A stage without metrics that saves nothing but its first batch, whose rows say when it began, and what has finished:
 * beside one with rows it shows what they cost.
 */
const program = new Command('rowless-stage').argument('<stage>').parse()
const config = readConfig()
const route = routeOf(config, program.args[0])
const log = createLog(config.LOG_LEVEL, { stage: route.stage.name })
const health = createHealth()
openReadyDoor(config.METRICS_PORT, () => health.isReady())
const settings = kafkaSettings(config, route.group)
const kafka = createKafka(settings, log)
const consumer = kafka.consumer({ ...settings.consumer, groupId: route.group })
const sender = createSender(kafka, settings)
const database = openDatabase(config, 4, () => {})
const rows = { stage: route.stage.name, target: route.target }
let hasBegun = false

async function handleBatch({ messages, commit }: Batch<Message>): Promise<number> {
  const isFirst = !hasBegun
  hasBegun = true
  const outcomes = messages.map((message) => compute(route.stage, message, settings.maxRecordBytes))
  if (isFirst) await save(database, rows, outcomes)
  const results = outcomes.flatMap((outcome) => (isDeadLetter(outcome) ? [] : [outcome]))
  const sending = beginSending((begunAt) => resultRecords(results, begunAt, () => undefined))
  await sender.send(route.target, sending.records, sending.progress)
  if (route.isLast) await insertFinished(database, rows, publishedOf(results, sending).published)
  await commit(messages.length)
  return messages.length
}

await untilStopped(log, async (stopping) => {
  const observer = noopObserver
  const ended = watchConsumer(
    consumer,
    { log, health, observer },
    createOutageTracker('Kafka', { log, health }),
  )
  const bug = Promise.withResolvers<Error>()
  await consumer.connect()
  await consumer.subscribe({ topic: route.source, fromBeginning: true })
  const options = {
    read: readMessage,
    handleBatch,
    maxBatchMessages: MAX_BATCH_MESSAGES,
    stopping,
    onBug: bug.resolve,
  }
  await consume<Message>(consumer, settings, options)
  const end = await Promise.race([aborted(stopping), ended, bug.promise])
  await Promise.all([consumer.disconnect(), sender.close(), database.end()])
  if (end instanceof Error) throw end
})
