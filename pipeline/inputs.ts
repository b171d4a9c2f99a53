import { now } from './clock.ts'
import { addToCounters } from './counters.ts'
import { int4s, texts, uuids } from './binary-array.ts'
import type { Database, Queryable } from './database.ts'
import { ownHeaders } from './headers.ts'
import { newMessageId } from './message.ts'
import type { Sender } from './producer.ts'
import { UserError } from './user-error.ts'

/** A message on its way into the pipeline. */
export interface Input {
  readonly id: string
  /** The numbers as they are written in the body, for the row; undefined when the body has none. */
  readonly numbers: string | undefined
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
 * between, {@link enterUnpublished} sends what has no mark again, with the same ids: the first stage drops the duplicates.
 * @throws {UserError} when the broker refuses some for their size: those are taken back, the others are in
 */
export async function enter(inputs: readonly Input[], entry: Entry): Promise<void> {
  await insertInputs(entry.database, entry.stage, inputs)
  refuse(await publishInputs(inputs, entry), entry)
}

function refuse(refused: readonly Input[], entry: Entry): void {
  if (refused.length === 0) return
  const ids = refused.map(({ id }) => id).join(', ')
  throw new UserError(
    `The broker refuses for their size: ${ids}. Send less, or raise max.message.bytes of ${entry.topic}.`,
  )
}

const OUTBOX_PAGE = 100

/**
 * Sends what another process has saved but not marked.
 * @param minAge in seconds: what is younger may be on its way just now
 * @returns how many there were
 */
export async function enterUnpublished(entry: Entry, minAge = 0): Promise<number> {
  // Ids sort by time: what a living process lets in from now on is its own business.
  const until = newMessageId()
  let sent = 0
  for (;;) {
    const { rows } = await entry.database.query<Input>(
      `select hex(message_id) as id, numbers, body, partition
       from inputs
       where published_at is null and stage = $1 and message_id < $2 and created_at <= now() - make_interval(secs => $3)
       order by message_id limit $4`,
      [entry.stage, until, minAge, OUTBOX_PAGE],
    )
    if (rows.length === 0) return sent
    refuse(await publishInputs(rows, entry), entry)
    sent += rows.length
  }
}

/** Returns those that the broker refuses for their size, which are out of the outbox again. */
async function publishInputs(
  inputs: readonly Input[],
  { database, sender, stage, topic }: Entry,
): Promise<Input[]> {
  const records = inputs.map(({ id, body, partition }) => ({
    partition,
    key: null,
    value: Buffer.from(body),
    headers: { [ownHeaders.id]: id, [ownHeaders.attempt]: '1', [ownHeaders.sentAt]: now().toFixed(3) },
  }))
  const metadata = await sender.send(topic, records)
  const refused = inputs.filter((_, index) => metadata[index] === undefined)
  await withdrawInputs(database, stage, refused)
  await markPublished(
    database,
    inputs.filter((_, index) => metadata[index] !== undefined),
  )
  return refused
}

async function withdrawInputs(database: Queryable, stage: string, inputs: readonly Input[]): Promise<void> {
  const text = `
    with gone as (delete from inputs where message_id = any($2::uuid[]) returning partition)
    insert into counters as c (stage, partition, target, entered)
    select $1, partition, '', -count(*) from gone group by partition order by partition
    ${addToCounters('entered')}`
  if (inputs.length > 0) await database.query(text, [stage, uuids(inputs.map(({ id }) => id))])
}

/** The rows, and the counters of what enters, in one statement. A row that is there already is left alone. */
async function insertInputs(database: Queryable, stage: string, inputs: readonly Input[]): Promise<void> {
  const text = `
    with given as (
      select * from unnest($2::uuid[], $3::int4[], $4::text[], $5::text[])
        as t (message_id, partition, numbers, body)
    ), saved as (
      insert into inputs (message_id, numbers, body, stage, partition)
      select message_id, numbers, body, $1, partition from given
      on conflict do nothing
      returning partition
    )
    insert into counters as c (stage, partition, target, entered)
    select $1, partition, '', count(*) from saved group by partition order by partition
    ${addToCounters('entered')}`
  const values = [
    stage,
    uuids(inputs.map(({ id }) => id)),
    int4s(inputs.map(({ partition }) => partition)),
    texts(inputs.map(({ numbers }) => numbers ?? null)),
    texts(inputs.map(({ body }) => body)),
  ]
  if (inputs.length > 0) await database.query({ name: 'insert-inputs', text, values })
}

async function markPublished(database: Queryable, inputs: readonly Input[]): Promise<void> {
  const text = 'update inputs set published_at = clock_timestamp() where message_id = any($1::uuid[])'
  const values = [uuids(inputs.map(({ id }) => id))]
  if (inputs.length > 0) await database.query({ name: 'mark-published', text, values })
}
