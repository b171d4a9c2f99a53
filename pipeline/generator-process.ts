import { openDatabase } from '../sql/database.ts'
import { generate } from './generate.ts'
import { enter, enterUnpublished, type Entry } from './outbox.ts'
import { kafkaSettings } from '../kafka/settings.ts'
import { createKafka } from '../kafka/client.ts'
import { retryForever } from './retry.ts'
import { routes } from './route.ts'
import { createSender } from '../kafka/producer.ts'
import type { ProcessContext } from './process-context.ts'
import { UserError } from '../telemetry/user-error.ts'

/** Opens the way into the pipeline: the first stage's topic, with the outbox before it. */
export function openEntry({
  config,
  log,
  observer,
}: Omit<ProcessContext, 'health'>): Entry & { close(): Promise<void> } {
  const [first] = routes(config)
  if (first === undefined) throw new Error('The catalogue has no stage')
  const settings = kafkaSettings(config, `${config.TOPIC_PREFIX}generator`)
  const database = openDatabase(config, 2, (error) =>
    log.debug({ err: error }, 'A connection to Postgres broke'),
  )
  const sender = createSender(createKafka(settings, log), settings, observer.entering)
  const close = async () => {
    await sender.close()
    await database.end()
  }
  return {
    database,
    sender,
    stage: first.stage.name,
    topic: config.OUTPUT_TOPIC ?? first.source,
    close,
  }
}

/**
 * How often, in seconds, a generator looks for what is left unsent, and how old that has to be. At its start it sends all
 * there is; but what a process had asked Postgres to save when it was killed may be saved later than that.
 */
const SWEEP_EVERY = 10
const SWEEP_AGE = 60

/** Position 0 as a process: `messages` at once, or for ever as the environment says. */
export async function runGeneratorProcess(
  context: ProcessContext,
  stopping: AbortSignal,
  messages?: number,
): Promise<void> {
  const { config, log, health } = context
  const entry = openEntry(context)
  const onProgress = health.progressed
  const options = { log, health, signal: stopping, isPermanent: isMistake, onProgress }
  const retry = <T>(step: () => Promise<T>) => retryForever((using) => using(servers, step), options)
  let sweptAt = performance.now()
  const sweep = async (minAge: number) => {
    const left = await retry(() => enterUnpublished(entry, minAge))
    sweptAt = performance.now()
    if (left > 0)
      log.info(`Sent ${left} message(s) again that another process had saved and perhaps not sent.`)
  }
  try {
    await sweep(0)
    health.connected(true)
    await generate({
      config,
      random: Math.random,
      messages,
      signal: stopping,
      onPause: health.progressed,
      onSlow: (perSecond) => {
        const wanted = `RATE asks for ${config.RATE}`
        log.warn(
          `${Math.round(perSecond)} messages a second entered, ${wanted}: lower it, or start another generator.`,
        )
      },
      enter: async (inputs) => {
        if (performance.now() - sweptAt > SWEEP_EVERY * 1000) await sweep(SWEEP_AGE)
        await retry(() => enter(inputs, entry))
      },
    })
  } catch (error) {
    if (!stopping.aborted) throw error
  } finally {
    await entry.close()
  }
}

/** Which of the two is away, its error says. */
const servers = 'Kafka or Postgres'

/** Trying again does not help against a person's mistake. */
const isMistake = (error: Error) => error instanceof UserError
