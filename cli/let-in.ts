import { randomInt } from 'node:crypto'
import { chunksOf } from '../kafka/chunks.ts'
import { newInput } from '../pipeline/generate.ts'
import { enter } from '../pipeline/outbox.ts'
import { routes } from '../pipeline/route.ts'
import { createSender } from '../kafka/producer.ts'
import { UserError } from '../telemetry/user-error.ts'
import { count } from '../stages/refusal.ts'
import { databaseMistake } from './database-mistake.ts'
import { kafkaMistake } from './kafka-mistake.ts'
import type { WayIn } from './way-in.ts'

const MAX_CHUNK_BYTES = 524_288

/**
 * Lets bodies into the pipeline, some hundred at a time and spread over the partitions; gives their ids as they are in.
 * @throws {UserError} when a server goes away, saying how far it came
 */
export async function* letIn(bodies: readonly string[], way: WayIn): AsyncGenerator<readonly string[]> {
  const { config, database, access, intercept } = way
  const [first] = routes(config)
  if (first === undefined) throw new Error('The catalogue has no stage')
  const topic = config.OUTPUT_TOPIC ?? first.source
  // Both servers are asked before the outbox has a row: what is in it will be sent some day, after an error too.
  await database.query('select from inputs limit 0')
  const { topics } = await access.admin.fetchTopicMetadata({ topics: [topic] })
  const partitions = topics[0]?.partitions.length ?? 1
  const sender = createSender(access.kafka, access.settings, intercept)
  const entry = { database, sender, stage: first.stage.name, topic, enteredBy: 'submit' }
  let partition = randomInt(partitions)
  let done = 0
  let next = 0
  try {
    for (const chunk of chunksOf(bodies, (body) => body.length, MAX_CHUNK_BYTES)) {
      const inputs = chunk.map((body) => newInput(body, partition++ % partitions))
      next = inputs.length
      await enter(inputs, entry)
      done += next
      yield inputs.map(({ id }) => id)
    }
  } catch (cause) {
    const mistake = kafkaMistake(cause, config) ?? databaseMistake(cause, config)
    throw mistake === undefined
      ? cause
      : new UserError(
          `${mistake.message}\n${count(done)} of ${count(bodies.length)} are in. ${inDoubt(next)}`,
          { cause },
        )
  } finally {
    await sender.close()
  }
}

/** What the outbox holds is not to be submitted again. */
function inDoubt(next: number): string {
  return (
    `Of the next ${count(next)} some may be saved and not sent yet: do not submit them again, ` +
    '`npx throughline generator` sends them.'
  )
}
