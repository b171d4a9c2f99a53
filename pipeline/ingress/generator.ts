import { createKafka } from '../../kafka/client.ts'
import { createSender } from '../../kafka/producer.ts'
import { kafkaSettings } from '../../kafka/settings.ts'
import { openDatabase } from '../../sql/database.ts'
import type { Input } from '../../sql/inputs.ts'
import { inputField } from '../../stages/index.ts'
import { parseBody, sourceOf } from '../../stages/body.ts'
import { randomNumbers } from '../../stages/random-numbers.ts'
import { UserError } from '../../telemetry/user-error.ts'
import { sleep } from '../../telemetry/wait-until.ts'
import type { Config } from '../config.ts'
import { newMessageId } from '../message.ts'
import { submit, submitUnpublished, type Ingress } from './outbox.ts'
import type { ProcessContext } from '../process.ts'
import { retryForever } from '../retry.ts'
import { entryOf } from '../route.ts'

/** Seconds: how often the generator looks for inputs that another process left in the outbox, and how old they have to be. */
const OUTBOX_CHECK = { every: 10, minAge: 60 }

/** One attempt saves and sends: its error says which of the two is away. */
const SERVERS = 'Kafka or Postgres'

/**
 * Position 0 as a process: `messages` at once, or for ever as the environment says. It begins with whatever the outbox holds;
 * a statement of a killed process may still add to the outbox after that, so it is checked from time to time.
 */
export async function runGeneratorProcess(
  context: ProcessContext,
  stopping: AbortSignal,
  messages?: number,
): Promise<void> {
  const { config, log, health } = context
  await using opened = new AsyncDisposableStack()
  const ingress = openIngress(context, opened)
  // Trying again does not help against a user's mistake.
  const isPermanent = (error: Error) => error instanceof UserError
  const options = { log, health, signal: stopping, isPermanent, onProgress: health.progressed }
  const retry = <T>(step: () => Promise<T>) => retryForever((withServer) => withServer(SERVERS, step), options)
  let checkedAt = performance.now()
  const checkOutbox = async (minAge: number) => {
    const count = await retry(() => submitUnpublished(ingress, minAge))
    checkedAt = performance.now()
    if (count > 0) log.info(`Sent ${count} message(s) again that another process had saved and perhaps not sent.`)
  }
  try {
    await checkOutbox(0)
    health.connected(true)
    await generate({
      config,
      messages,
      signal: stopping,
      onPause: health.progressed,
      onSlow: (perSecond) =>
        log.warn(
          `${Math.round(perSecond)} messages a second entered, RATE asks for ${config.RATE}: lower it, or start another generator.`,
        ),
      submit: async (inputs) => {
        if (performance.now() - checkedAt > OUTBOX_CHECK.every * 1000) await checkOutbox(OUTBOX_CHECK.minAge)
        await retry(() => submit(inputs, ingress))
      },
    })
  } catch (error) {
    if (!stopping.aborted) throw error
  }
}

function openIngress({ config, log, interceptSend }: ProcessContext, opened: AsyncDisposableStack): Ingress {
  const settings = kafkaSettings(config, `${config.TOPIC_PREFIX}generator`)
  const database = opened.adopt(openDatabase(config, 2, log), (pool) => pool.end())
  const sender = opened.adopt(createSender(createKafka(settings, log), settings, interceptSend), (one) => one.close())
  return { database, sender, ...entryOf(config) }
}

export interface Generation {
  readonly config: Config
  /** Submits messages to the pipeline; resolves once the broker has them. */
  readonly submit: (inputs: readonly Input[]) => Promise<void>
  readonly signal: AbortSignal
  /** Called every few seconds of a pause between bursts. */
  readonly onPause?: () => void
  /** Called when the rate was not kept, with the messages a second that entered instead. */
  readonly onSlow?: (perSecond: number) => void
  /** Stop after this many messages, without pauses; undefined for ever. */
  readonly messages?: number | undefined
}

/** Messages that are submitted together: they are in memory together, each with its span. */
const MAX_SUBMIT = 500

/** Makes messages, in bursts with pauses between, at a steady RATE, or a given number at once. */
export async function generate(generation: Generation): Promise<void> {
  const { config, messages } = generation
  if (messages !== undefined) await submitMany(generation, messages)
  else if (config.RATE !== undefined) await generateSteadily(generation, config.RATE)
  else await generateBursts(generation)
}

async function submitMany(generation: Generation, count: number): Promise<void> {
  for (let left = count; left > 0 && !generation.signal.aborted; left -= MAX_SUBMIT) {
    await generation.submit(newInputs(generation, Math.min(left, MAX_SUBMIT)))
  }
}

/** A backlog of more seconds than this is not caught up: the rate counts as not kept. */
const MAX_BACKLOG_SECONDS = 1
const RATE_WINDOW_MS = 10_000

/** Keeps the mean rate: messages that a slow submit delays are caught up. */
async function generateSteadily(generation: Generation, rate: number): Promise<void> {
  const { signal, onSlow } = generation
  const tickMs = Math.min(1000, Math.max(20, 1000 / rate))
  const maxBacklog = Math.max(10, rate * MAX_BACKLOG_SECONDS)
  let backlog = 1
  let last = performance.now()
  const window = { begun: last, entered: 0, isShort: false }
  while (!signal.aborted) {
    const count = Math.floor(backlog)
    if (count >= 1) await submitMany(generation, count)
    backlog -= count
    window.entered += count
    await pause(tickMs, generation)
    const time = performance.now()
    const due = backlog + ((time - last) / 1000) * rate
    backlog = Math.min(maxBacklog, due)
    window.isShort ||= due > maxBacklog
    last = time
    if (time - window.begun < RATE_WINDOW_MS) continue
    if (window.isShort) onSlow?.(window.entered / ((time - window.begun) / 1000))
    Object.assign(window, { begun: time, entered: 0, isShort: false })
  }
}

async function generateBursts(generation: Generation): Promise<void> {
  const { config, signal } = generation
  while (!signal.aborted) {
    const seconds = config.SLEEP_MIN + Math.random() * (config.SLEEP_MAX - config.SLEEP_MIN)
    await pause(seconds * 1000, generation)
    const span = config.MESSAGE_MAX - config.MESSAGE_MIN + 1
    await submitMany(generation, config.MESSAGE_MIN + Math.floor(Math.random() * span))
  }
}

/**
 * Each submit begins with the next partition, and goes on to another after so many messages. The few messages of a tick are
 * then one record batch, which costs broker and stages less than one for each partition.
 */
const MESSAGES_IN_A_ROW = 5

/** The partition of the latest message, before it is taken modulo their number. */
let latestPartition = -1

function newInputs({ config }: Generation, count: number): Input[] {
  return Array.from({ length: count }, (_, index) => {
    if (index % MESSAGES_IN_A_ROW === 0) latestPartition += 1
    return newInput(randomBody(config), latestPartition % config.TOPIC_PARTITIONS)
  })
}

/** A body with random numbers, as COUNT_MIN, NUMBERS_MIN and so on ask for. */
export function randomBody(config: Config): string {
  return randomNumbers(Math.random, {
    countMin: config.COUNT_MIN,
    countMax: config.COUNT_MAX,
    min: config.NUMBERS_MIN,
    max: config.NUMBERS_MAX,
    decimals: config.NUMBERS_DECIMALS,
  })
}

export function newInput(body: string, partition: number): Input {
  return { id: newMessageId(), numbers: sourceOf(parseBody(body), inputField), body, partition }
}

const NOTICE_MS = 5000

async function pause(ms: number, { signal, onPause }: Generation): Promise<void> {
  for (let left = ms; left > 0 && !signal.aborted; left -= NOTICE_MS) {
    onPause?.()
    await sleep(Math.min(left, NOTICE_MS), signal)
  }
}
