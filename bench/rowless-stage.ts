import { Command } from 'commander'
import { isDeadLetter, compute, type Outcome } from '../pipeline/compute.ts'
import { readConfig } from '../pipeline/config.ts'
import { openDatabase } from '../pipeline/database.ts'
import { createHealth } from '../pipeline/health.ts'
import { kafkaSettings } from '../pipeline/kafka-settings.ts'
import { createKafka } from '../pipeline/kafka.ts'
import { createLog } from '../pipeline/log.ts'
import { nobody } from '../pipeline/observer.ts'
import { aborted, untilStopped } from '../pipeline/process.ts'
import { publish } from '../pipeline/publish.ts'
import { routeOf } from '../pipeline/route.ts'
import { runStage } from '../pipeline/run-stage.ts'
import { save, type Saved } from '../pipeline/save.ts'
import { createSender } from '../pipeline/send.ts'
import { take, watch, type Batch } from '../pipeline/take.ts'
import { openReadyDoor } from './ready-door.ts'

/**
 * A stage with nobody watching that saves nothing but its first batch, whose rows say when it began, and what has
 * finished: beside one with rows it shows what they cost.
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
let hasBegun = false

function unsaved(outcomes: readonly Outcome[]): Saved {
  const results = outcomes.flatMap((outcome) => (isDeadLetter(outcome) ? [] : [outcome]))
  return { results, deadLetters: outcomes.filter(isDeadLetter), redelivered: new Set(), copies: [] }
}

async function work({ messages, commit }: Batch): Promise<number> {
  const place = { stage: route.stage.name, topic: route.source, target: route.target }
  const patiently = <T>(_: string, attempt: () => Promise<T>) => attempt()
  const publishing = { route, place, sender, database, patiently, traceparent: () => undefined }
  const isFirst = !hasBegun
  hasBegun = true
  const { results, deadLetters } = await runStage(messages, {
    compute: (message) => compute(route.stage, message, settings.maxRecordBytes),
    save: async (outcomes) => (isFirst ? await save(database, place, outcomes) : unsaved(outcomes)),
    publish: (saved) => publish(saved, publishing),
    commit,
  })
  return results.length + deadLetters.length
}

await untilStopped(log, async (stopping) => {
  const ended = watch(consumer, { log, health, observer: nobody })
  const bug = Promise.withResolvers<Error>()
  await consumer.connect()
  await consumer.subscribe({ topic: route.source, fromBeginning: true })
  await take(consumer, settings, { work, stopping, onBug: bug.resolve })
  const end = await Promise.race([aborted(stopping), ended, bug.promise])
  await Promise.all([consumer.disconnect(), sender.close(), database.end()])
  if (end instanceof Error) throw end
})
