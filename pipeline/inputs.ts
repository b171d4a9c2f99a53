import { now } from './clock.ts'
import { joinTexts, plainArray, type Database, type Queryable } from './database.ts'
import { ownHeaders } from './headers.ts'
import type { Sender } from './send.ts'

/** A message on its way into the pipeline. */
export interface Input {
  readonly id: string
  /** The subject as it is written in the body, for the row; undefined when the body has none. */
  readonly subject: string | undefined
  readonly body: string
  readonly partition: number
}

/** Where messages enter: the stage that reads the topic first. */
export interface Entry {
  readonly database: Database
  readonly sender: Sender
  readonly stage: string
  readonly topic: string
}

/**
 * Lets messages into the pipeline by an outbox: their rows first, then the records, then the mark. After a crash in
 * between, {@link enterUnpublished} sends what has no mark again, with the same ids: the first stage drops the copies.
 */
export async function enter(inputs: readonly Input[], entry: Entry): Promise<void> {
  await insertInputs(entry.database, entry.stage, inputs)
  await publishInputs(inputs, entry)
}

/** Sends what an earlier process has saved but not marked. Returns how many there were. */
export async function enterUnpublished(entry: Entry): Promise<number> {
  const { rows } = await entry.database.query<Input>(
    `select encode(uuid_send(message_id), 'hex') as id, numbers as subject, body, partition
     from inputs where published_at is null and stage = $1 order by message_id`,
    [entry.stage],
  )
  await publishInputs(rows, entry)
  return rows.length
}

async function publishInputs(inputs: readonly Input[], { database, sender, topic }: Entry): Promise<void> {
  for (const [partition, group] of Map.groupBy(inputs, (input) => input.partition)) {
    const records = group.map(({ id, body }) => ({
      key: null,
      value: Buffer.from(body),
      headers: { [ownHeaders.id]: id, [ownHeaders.attempt]: '1', [ownHeaders.sentAt]: now().toFixed(3) },
    }))
    await sender.send(topic, partition, records)
  }
  await markPublished(database, inputs)
}

/** The rows, and the counters of what enters, in one statement. A row that is there already is left alone. */
async function insertInputs(database: Queryable, stage: string, inputs: readonly Input[]): Promise<void> {
  const text = `
    with given as (
      select * from unnest($2::uuid[], $3::int[], string_to_array($4, E'\\x1f'), string_to_array($5, E'\\x1f'))
        as t (message_id, partition, numbers, body)
    ), saved as (
      insert into inputs (message_id, numbers, body, stage, partition)
      select message_id, nullif(numbers, ''), body, $1, partition from given
      on conflict do nothing
      returning partition
    )
    insert into counters as c (stage, partition, entered)
    select $1, partition, count(*) from saved group by partition order by partition
    on conflict (stage, partition) do update set entered = c.entered + excluded.entered`
  const values = [
    stage,
    plainArray(inputs.map(({ id }) => id)),
    plainArray(inputs.map(({ partition }) => partition)),
    joinTexts(inputs.map((input) => input.subject ?? '')),
    joinTexts(inputs.map(({ body }) => body)),
  ]
  if (inputs.length > 0) await database.query({ name: 'insert-inputs', text, values })
}

async function markPublished(database: Queryable, inputs: readonly Input[]): Promise<void> {
  const text = 'update inputs set published_at = clock_timestamp() where message_id = any($1::uuid[])'
  const values = [plainArray(inputs.map(({ id }) => id))]
  if (inputs.length > 0) await database.query({ name: 'mark-published', text, values })
}
