import type { Kafka } from '../../../kafka/client.ts'
import type { KafkaMessage } from '../../../kafka/client.ts'
import type { Config } from '../../../pipeline/config.ts'
import type { Database } from '../../../sql/database.ts'
import { headerText } from '../../../pipeline/headers.ts'
import { parseMessageId } from '../../../pipeline/message.ts'
import { routes } from '../../../pipeline/route.ts'
import { readTopic } from '../../support/kafka-records.ts'

/** A message that entered the pipeline: its first record. */
export interface Entered {
  /** The topic without prefix. */
  readonly topic: string
  readonly value: Buffer | null
}

export interface EnteredMessages {
  readonly messages: ReadonlyMap<string, Entered>
  readonly problems: readonly string[]
}

/**
 * All messages that entered, by id: the records on the first topic, and those on the others that no stage has sent.
 * A record without an id has the id of its row. A message without a row is a problem.
 */
export async function readEntered(kafka: Kafka, config: Config, database: Database): Promise<EnteredMessages> {
  const messages = new Map<string, Entered>()
  const problems: string[] = []
  const ids = await idsByOffset(database)
  for (const { source, stage, position } of routes(config)) {
    await readTopic(kafka, source, (record, partition) => {
      if (position > 1 && isSentByStage(record)) return
      const place = `${source}/${partition}/${record.offset}`
      const id = headerId(record) ?? ids.get(place)
      if (id === undefined) problems.push(`The record at ${place} entered and has no row.`)
      else if (!messages.has(id)) messages.set(id, { topic: stage.reads, value: record.value })
    })
  }
  return { messages, problems: [...problems, ...(await checkInputs(database, messages))] }
}

function isSentByStage({ headers = {} }: KafkaMessage): boolean {
  return headerText(headers, 'sent-at') !== undefined
}

function headerId({ headers = {} }: KafkaMessage): string | undefined {
  const text = headerText(headers, 'message-id')
  return text === undefined ? undefined : parseMessageId(text)
}

/** The ids of the rows for records without a `sent-at`, by topic, partition and offset. */
async function idsByOffset(database: Database): Promise<Map<string, string>> {
  const { rows } = await database.query<{ place: string; id: string }>(
    `select topic || '/' || partition || '/' || "offset" as place, hex(message_id) as id
     from results join stages on stages.name = stage where previous_sent_at is null`,
  )
  return new Map(rows.map(({ place, id }) => [place, id]))
}

/** Every message must have a row in inputs; a generator's row must have the same bytes as the record. */
async function checkInputs(database: Database, messages: ReadonlyMap<string, Entered>): Promise<string[]> {
  const { rows } = await database.query<{ id: string; body: string | null }>(
    'select hex(message_id) as id, body from inputs',
  )
  const inputs = new Map(rows.map(({ id, body }) => [id, body]))
  const unsent = rows.flatMap(({ id, body }) => {
    const sent = messages.get(id)
    if (sent === undefined) return [`Message ${id} is in inputs and on no topic.`]
    const isSame = body === null || body === sent.value?.toString()
    return isSame ? [] : [`Message ${id} has another body on the topic than in inputs.`]
  })
  const unknown = [...messages.keys()].filter((id) => !inputs.has(id))
  return [...unsent, ...unknown.map((id) => `Message ${id} entered and has no row in inputs.`)]
}
