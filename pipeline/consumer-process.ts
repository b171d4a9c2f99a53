import type { Consumer, Kafka } from '../kafka/client.ts'
import { consume, watchConsumer, type Batch } from '../kafka/consumer.ts'
import type { KafkaSettings } from '../kafka/settings.ts'
import type { Database } from '../sql/database.ts'
import { sleep } from '../telemetry/wait-until.ts'
import { type Message, readMessage } from './message.ts'
import { aborted, type ProcessContext } from './process.ts'
import {
  createOutageTracker,
  failuresOnly,
  retryForever,
  type OutageTracker,
  type Retry,
  type WithServer,
} from './retry.ts'

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
  const { log, health, observer } = context
  const { group, topics, settings, kafka, database, maxBatchMessages } = options
  // Otherwise kafkajs would try to reach a broker that is away for ever, also in a process that is to end.
  const restartOnFailure = () => Promise.resolve(!stopping.aborted)
  const retry = { ...settings.consumer.retry, restartOnFailure }
  const consumer = kafka.consumer({ ...settings.consumer, retry, groupId: group })
  observer.poolWaiting(() => database.waitingCount)
  const bug = Promise.withResolvers<Error>()
  let isJoining = false
  try {
    const outage = createOutageTracker('Kafka', context)
    await connect(context, { topics, database, consumer, outage }, stopping)
    const ended = watchConsumer(consumer, { log, health, outage, onRebalance: observer.rebalanced })
    isJoining = true
    const joined = consume<Message>(consumer, settings, {
      read: readMessage,
      handleBatch: (batch) => handle(batch, options, context),
      maxBatchMessages,
      stopping,
      onBug: bug.resolve,
    })
    const stopped = aborted(stopping)
    await Promise.race([joined.then(() => (isJoining = false)), stopped])
    if (!stopping.aborted) log.info(`Consuming ${topics.join(' and ')} as ${group}.`)
    const end = await Promise.race([stopped, ended, bug.promise])
    if (end instanceof Error) throw new Error(`${group} cannot continue`, { cause: end })
  } catch (error) {
    if (!stopping.aborted) throw error
  } finally {
    const disconnected = consumer.disconnect()
    // kafkajs waits for the answer to JoinGroup, and the group may wait for other members for longer than the grace period.
    await (isJoining ? Promise.race([disconnected, sleep(1000, new AbortController().signal)]) : disconnected)
  }
}

type Connections = Pick<ConsumerProcess, 'topics' | 'database'> & {
  consumer: Consumer
  outage: OutageTracker
}

/** Waits for both servers, so that no partition is assigned to a process that cannot use Postgres. */
async function connect(
  { log, health }: ProcessContext,
  { topics, database, consumer, outage }: Connections,
  signal: AbortSignal,
): Promise<void> {
  const options = { log, health, signal }
  await retryForever((withServer) => withServer('Postgres', () => database.query('select 1')), options)
  const subscribe = async () => {
    await consumer.connect()
    // Without fromBeginning, a group without an offset would start at the end and lose what was there before.
    await consumer.subscribe({ topics: [...topics], fromBeginning: true })
  }
  // A broker that has just come back answers before its groups do: it works when the group is joined.
  const tracker = failuresOnly(outage)
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
  const options = { log, health, signal, onProgress: progress.progressed }
  const retry: Retry = (attempt) =>
    retryForever((withServer) => {
      const usingUnlessLost: WithServer = (server, step) => {
        lost.throwIfAborted()
        return withServer(server, step)
      }
      return attempt(usingUnlessLost)
    }, options)
  try {
    return await handleBatch(batch, retry)
  } finally {
    progress.ended()
  }
}
