import { hash } from 'node:crypto'
import type { Kafka } from 'kafkajs'
import type { Config } from '../../pipeline/config.ts'
import { headerText } from '../../pipeline/headers.ts'
import { deadLetterTopic } from '../../pipeline/route.ts'
import { finish, pipeline } from '../../stages/index.ts'
import type { Entered } from './entered.ts'
import { readTopic } from '../support/read-topic.ts'
import { referenceChain } from '../support/reference-chain.ts'

/**
 * Compares what stages have sent with the references: each message at least once on `finish` with its whole body or on
 * `dead-letter` with the bytes, the place and the reason of its death; before that, with the body of each step on the topic
 * behind it; and nothing else. Returns what is wrong.
 */
export async function unlikeTopics(
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
      // It entered here: no stage has sent it.
      if (!isEnd && headerText(headers, 'sent-at') === undefined) return
      const id = headerText(headers, 'message-id') ?? 'without an id'
      const reason = headerText(headers, 'dead-letter-reason')
      const stage = headerText(headers, 'dead-letter-stage')
      if (isEnd) missing.delete(id)
      if (sendable.get(id)?.has(signature({ topic, stage, reason, value })) !== true) {
        problems.push(`Message ${id} is on ${topic} as it must not be: ${stage} ${reason}.`)
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

/** One short text for all there is to compare: the bodies of all messages would be too much to hold. */
function signature({ topic, stage, reason, value }: Sent): string {
  return `${topic} ${stage} ${reason} ${value === null ? 'null' : hash('sha1', value, 'base64')}`
}

/** Everything that stages may send of a message. */
function signaturesOf({ topic, value }: Entered): Set<string> {
  const { steps, death } = referenceChain(topic, value)
  const sent = steps.map((step) =>
    signature({
      topic: topicBehind(step.stage),
      stage: undefined,
      reason: undefined,
      value: Buffer.from(step.body),
    }),
  )
  return new Set(death === undefined ? sent : [...sent, signature({ topic: deadLetterTopic, ...death })])
}

function topicBehind(stage: string): string {
  return pipeline[pipeline.findIndex(({ name }) => name === stage) + 1]?.reads ?? finish
}
