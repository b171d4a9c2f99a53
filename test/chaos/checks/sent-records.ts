import { hash } from 'node:crypto'
import type { Kafka } from '../../../kafka/client.ts'
import type { Config } from '../../../pipeline/config.ts'
import { headerText } from '../../../pipeline/headers.ts'
import { deadLetterTopic } from '../../../pipeline/route.ts'
import { finish, pipeline } from '../../../stages/index.ts'
import type { Entered } from './entered.ts'
import { readTopic } from '../../support/kafka-records.ts'
import { expectedOutcome } from './expected-outcome.ts'

/**
 * Compares the records that stages have sent with the expected ones: each message at least once on `finish` with its body, or
 * on `dead-letter` with its bytes, stage and reason; the body of each step on that stage's output topic; and no other records.
 * Returns the problems.
 */
export async function checkSentRecords(
  kafka: Kafka,
  config: Config,
  messages: ReadonlyMap<string, Entered>,
): Promise<string[]> {
  const sendable = new Map([...messages].map(([id, entered]) => [id, signaturesOf(entered)]))
  const problems: string[] = []
  const missing = new Set(messages.keys())
  for (const topic of [...pipeline.slice(1).map(({ reads }) => reads), finish, deadLetterTopic]) {
    const isEnd = topic === finish || topic === deadLetterTopic
    await readTopic(kafka, config.TOPIC_PREFIX + topic, ({ headers = {}, value }) => {
      // It entered at this topic.
      if (!isEnd && headerText(headers, 'sent-at') === undefined) return
      const id = headerText(headers, 'message-id') ?? 'without an id'
      const reason = headerText(headers, 'dead-letter-reason')
      const stage = headerText(headers, 'dead-letter-stage')
      if (isEnd) missing.delete(id)
      if (sendable.get(id)?.has(signature({ topic, stage, reason, value })) !== true) {
        problems.push(`Message ${id} has an unexpected record on ${topic}: ${stage} ${reason}.`)
      }
    })
  }
  return [...problems, ...[...missing].map((id) => `Message ${id} never left the pipeline.`)]
}

interface Sent {
  readonly topic: string
  readonly stage: string | undefined
  readonly reason: string | undefined
  readonly value: Buffer | null
}

/** A short text for comparison: the bodies of all messages would need too much memory. */
function signature({ topic, stage, reason, value }: Sent): string {
  return `${topic} ${stage} ${reason} ${value === null ? 'null' : hash('sha1', value, 'base64')}`
}

/** The records that stages may send for a message. */
function signaturesOf({ topic, value }: Entered): Set<string> {
  const { steps, deadLetter } = expectedOutcome(topic, value)
  const sent = steps.map((step) =>
    signature({
      topic: outputTopic(step.stage),
      stage: undefined,
      reason: undefined,
      value: Buffer.from(step.body),
    }),
  )
  return new Set(deadLetter === undefined ? sent : [...sent, signature({ topic: deadLetterTopic, ...deadLetter })])
}

function outputTopic(stage: string): string {
  return pipeline[pipeline.findIndex(({ name }) => name === stage) + 1]?.reads ?? finish
}
