import { hash } from 'node:crypto'
import type { Kafka } from 'kafkajs'
import type { Config } from '../pipeline/config.ts'
import { headerText } from '../pipeline/headers.ts'
import { deadLetterTopic } from '../pipeline/route.ts'
import { finish } from '../stages/index.ts'
import type { Entered } from './chaos-entered.ts'
import { readTopic } from './read-topic.ts'
import { referenceChain } from './reference-chain.ts'

/**
 * Compares what left the pipeline with the references: each message at least once, on `finish` with its whole body or on
 * `dead-letter` with the bytes, the place and the reason of its death; and nothing else. Returns what is wrong.
 */
export async function unlikeTopics(
  kafka: Kafka,
  config: Config,
  messages: ReadonlyMap<string, Entered>,
): Promise<string[]> {
  const ends = new Map([...messages].map(([id, entered]) => [id, endOf(entered)]))
  const problems: string[] = []
  const missing = new Set(messages.keys())
  for (const topic of [finish, deadLetterTopic]) {
    await readTopic(kafka, config.TOPIC_PREFIX + topic, ({ headers = {}, value }) => {
      const id = headerText(headers, 'message-id') ?? 'without an id'
      const reason = headerText(headers, 'dead-letter-reason')
      const stage = headerText(headers, 'dead-letter-stage')
      missing.delete(id)
      if (ends.get(id) !== signature({ topic, stage, reason, value })) {
        problems.push(`Message ${id} is on ${topic} as it must not be: ${stage} ${reason}.`)
      }
    })
  }
  return [...problems, ...[...missing].map((id) => `Message ${id} never left the pipeline.`)]
}

interface End {
  readonly topic: string
  readonly stage: string | undefined
  readonly reason: string | undefined
  readonly value: Buffer | null
}

/** One short text for all there is to compare: the bodies of all messages would be too much to hold. */
function signature({ topic, stage, reason, value }: End): string {
  return `${topic} ${stage} ${reason} ${value === null ? 'null' : hash('sha1', value, 'base64')}`
}

function endOf({ topic, value }: Entered): string {
  const { steps, death } = referenceChain(topic, value)
  if (death !== undefined) return signature({ topic: deadLetterTopic, ...death })
  const body = Buffer.from(steps.at(-1)?.body ?? '')
  return signature({ topic: finish, stage: undefined, reason: undefined, value: body })
}
