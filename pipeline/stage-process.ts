import { createKafka } from '../kafka/client.ts'
import { createSender } from '../kafka/producer.ts'
import { kafkaSettings } from '../kafka/settings.ts'
import { openDatabase } from '../sql/database.ts'
import type { DeadLetter } from '../sql/outcome.ts'
import type { Log } from '../telemetry/log.ts'
import { traceIdOf } from '../telemetry/trace-context.ts'
import { compute } from './compute.ts'
import { type ConsumerProcess, runConsumer } from './consumer-process.ts'
import { createBusyTime, deliver, MAX_BATCH_MESSAGES, type StageContext } from './deliver.ts'
import { injectFaults } from './faults.ts'
import { createPropagation } from './headers.ts'
import { exemplarTraces, measure } from './measure.ts'
import type { ProcessContext } from './process.ts'
import type { Route } from './route.ts'

/**
 * One stage as a process: consumes batches and delivers them until it is told to stop.
 * @throws when it cannot continue, so that the process ends and its supervisor starts it again
 */
export async function runStageProcess(context: ProcessContext, route: Route, stopping: AbortSignal): Promise<void> {
  const { config, log, metrics, runInSpan = (_, work) => work() } = context
  const { group, source } = route
  const settings = kafkaSettings(config, group)
  const kafka = createKafka(settings, log)
  await using opened = new AsyncDisposableStack()
  const database = opened.adopt(openDatabase(config, 4, log), (pool) => pool.end())
  const sender = opened.adopt(createSender(kafka, settings), (one) => one.close())
  const busy = createBusyTime()
  const traceOf = exemplarTraces(config)
  const options = { database, stage: route.stage.name }
  const faults = config.SCENARIOS === 'on' ? injectFaults(context, options, stopping) : undefined
  const { maxRecordBytes: maxBytes } = settings
  const computeOne: StageContext['compute'] = (message, signal) =>
    runInSpan(message, () => compute(route.stage, message, { maxBytes, signal }))
  const stage: StageContext = {
    route,
    database,
    sender,
    traceparentOf: await createPropagation(config, route.stage.name),
    compute: faults?.compute(computeOne) ?? computeOne,
    takeBusySeconds() {
      const seconds = busy.takeSeconds()
      metrics.count('throughline_busy_seconds_total', seconds)
      return seconds
    },
    onPublished(batch) {
      measure(batch, route, { metrics, traceOf })
      logDeadLetters(batch.deadLetters, log)
    },
  }
  const handleBatch: ConsumerProcess['handleBatch'] = async (batch, retry) => {
    busy.begin()
    try {
      return await deliver(batch, retry, stage)
    } finally {
      busy.end()
    }
  }
  const consumer = { group, topics: [source], kafka, settings, database, maxBatchMessages: MAX_BATCH_MESSAGES }
  const obeying = { ...consumer, handleBatch: faults?.handleBatch(handleBatch) ?? handleBatch }
  const run = (signal: AbortSignal) => runConsumer(context, obeying, signal)
  await (faults?.consume(run) ?? run(stopping))
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
