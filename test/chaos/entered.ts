import type { Kafka, KafkaMessage } from 'kafkajs'
import type { Config } from '../../pipeline/config.ts'
import type { Database } from '../../sql/database.ts'
import { headerText } from '../../pipeline/headers.ts'
import { parseMessageId } from '../../pipeline/message.ts'
import { routes } from '../../pipeline/route.ts'
import { readTopic } from '../support/read-topic.ts'

/** A message that entered the pipeline, as the topic has it where it entered. */
export interface Entered {
  /** The topic, as the catalogue calls it. */
  readonly topic: string
  readonly value: Buffer | null
}

export interface WhatEntered {
  readonly messages: ReadonlyMap<string, Entered>
  /** What is wrong already. */
  readonly problems: readonly string[]
}

/**
 * Every message that entered, by its id: all records on the first topic, and those on the others that no stage has sent.
 * A record without an id of its own gets the one of the row that was made from it; there must be one.
 */
export async function whatEntered(kafka: Kafka, config: Config, database: Database): Promise<WhatEntered> {
  const messages = new Map<string, Entered>()
  const problems: string[] = []
  const ids = await idsByPlace(database)
  for (const { source, stage, position } of routes(config)) {
    await readTopic(kafka, source, (record, partition) => {
      if (position > 1 && isSentByStage(record)) return
      const place = `${source}/${partition}/${record.offset}`
      const id = givenId(record) ?? ids.get(place)
      if (id === undefined) problems.push(`The record at ${place} entered and has no row.`)
      else if (!messages.has(id)) messages.set(id, { topic: stage.reads, value: record.value })
    })
  }
  return { messages, problems: [...problems, ...(await unlikeInputs(database, messages))] }
}

function isSentByStage({ headers = {} }: KafkaMessage): boolean {
  return headerText(headers, 'sent-at') !== undefined
}

function givenId({ headers = {} }: KafkaMessage): string | undefined {
  const text = headerText(headers, 'message-id')
  return text === undefined ? undefined : parseMessageId(text)
}

/** The ids of the rows that were made from records without a sender. */
async function idsByPlace(database: Database): Promise<Map<string, string>> {
  const { rows } = await database.query<{ place: string; id: string }>(
    `select topic || '/' || partition || '/' || "offset" as place, hex(message_id) as id
     from results join stages on stages.name = stage where previous_sent_at is null`,
  )
  return new Map(rows.map(({ place, id }) => [place, id]))
}

/** The generator's outbox must hold what is on the topic, byte for byte, and every message must have a row there. */
async function unlikeInputs(database: Database, messages: ReadonlyMap<string, Entered>): Promise<string[]> {
  const { rows } = await database.query<{ id: string; body: string | null }>(
    'select hex(message_id) as id, body from inputs',
  )
  const inputs = new Map(rows.map(({ id, body }) => [id, body]))
  const unsent = rows.flatMap(({ id, body }) => {
    const sent = messages.get(id)
    if (sent === undefined) return [`Message ${id} is in inputs and on no topic.`]
    const isSame = body === null || body === sent.value?.toString()
    return isSame ? [] : [`Message ${id} is on the topic with another body than in inputs.`]
  })
  const unknown = [...messages.keys()].filter((id) => !inputs.has(id))
  return [...unsent, ...unknown.map((id) => `Message ${id} entered and has no row in inputs.`)]
}
