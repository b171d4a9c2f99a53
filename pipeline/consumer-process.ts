import type { Consumer, Kafka } from '../kafka/client.ts'
import { consume, watchConsumer, type Batch } from '../kafka/consumer.ts'
import type { KafkaSettings } from '../kafka/settings.ts'
import type { Database } from '../sql/database.ts'
import type { Message } from '../sql/outcome.ts'
import { sleep, unlessAborted } from '../telemetry/wait-until.ts'
import { readMessage } from './message.ts'
import type { ProcessContext } from './process.ts'
import { createOutageTracker, failuresOnly, retryForever, type Retry, type RetryOptions } from './retry.ts'

/** A process that handles the messages of some topics as one member of a consumer group. */
export interface ConsumerProcess {
  readonly group: string
  readonly topics: readonly string[]
  readonly kafka: Kafka
  readonly settings: KafkaSettings
  readonly database: Database
  readonly maxBatchMessages: number
  /** Handles the first messages of a batch, one at least, and returns how many. */
  readonly handleBatch: (batch: Batch<Message>, retry: Retry) => Promise<number>
}

/**
 * Waits for both servers, joins the group and handles batches until it is told to stop.
 * @throws when it cannot continue, so that the process ends and its supervisor starts it again
 */
export async function runConsumer(context: ProcessContext, options: ConsumerProcess, stopping: AbortSignal): Promise<void> {
  const { log, health, metrics } = context
  const { group, topics, settings, kafka, database, maxBatchMessages } = options
  // Otherwise kafkajs would try to reach a broker that is away for ever, also in a process that is to end.
  const restartOnFailure = () => Promise.resolve(!stopping.aborted)
  const retry = { ...settings.consumer.retry, restartOnFailure }
  const consumer = kafka.consumer({ ...settings.consumer, retry, groupId: group })
  metrics.onScrape(() => metrics.set('throughline_pool_waiting', database.waitingCount))
  const onRebalance = () => metrics.count('throughline_rebalances_total')
  const bug = Promise.withResolvers<Error>()
  let isJoining = false
  try {
    const outage = createOutageTracker('Kafka', context)
    await connect(consumer, options, { log, health, signal: stopping, tracker: failuresOnly(outage) })
    const ended = watchConsumer(consumer, { log, health, outage, onRebalance })
    isJoining = true
    const joined = consume<Message>(consumer, settings, {
      read: readMessage,
      handleBatch: (batch) => handle(batch, options, context),
      maxBatchMessages,
      stopping,
      onBug: bug.resolve,
      commitOutage: createOutageTracker('Committing offsets', context),
    })
    await unlessAborted(joined, stopping)
    isJoining = false
    log.info(`Consuming ${topics.join(' and ')} as ${group}.`)
    const cause = await unlessAborted(Promise.race([ended, bug.promise]), stopping)
    throw new Error(`${group} cannot continue`, { cause })
  } catch (error) {
    if (!stopping.aborted) throw error
  } finally {
    const disconnected = consumer.disconnect()
    // kafkajs waits for the answer to JoinGroup, and the group may wait for other members for longer than the grace period.
    await (isJoining ? Promise.race([disconnected, sleep(1000, new AbortController().signal)]) : disconnected)
  }
}

/** Waits for both servers, so that no partition is assigned to a process that cannot use Postgres. */
async function connect(
  consumer: Consumer,
  { topics, database }: ConsumerProcess,
  { tracker, ...options }: RetryOptions,
): Promise<void> {
  await retryForever((withServer) => withServer('Postgres', () => database.query('select 1')), options)
  const subscribe = async () => {
    await consumer.connect()
    // Without fromBeginning, a group without an offset would start at the end and lose what was there before.
    await consumer.subscribe({ topics: [...topics], fromBeginning: true })
  }
  // A broker that has just come back answers before its groups do: it works when the group is joined.
  await retryForever((withServer) => withServer('Kafka', subscribe), { ...options, tracker })
}

/** Handles a batch, whose progress the process's health sees. */
export async function handle(
  batch: Batch<Message>,
  { handleBatch }: Pick<ConsumerProcess, 'handleBatch'>,
  { log, health }: Pick<ProcessContext, 'log' | 'health'>,
): Promise<number> {
  const { signal, lost } = batch
  const progress = health.batchBegan()
  const options = { log, health, signal, lost, onProgress: progress.progressed }
  try {
    return await handleBatch(batch, (attempt) => retryForever(attempt, options))
  } finally {
    progress.ended()
  }
}
