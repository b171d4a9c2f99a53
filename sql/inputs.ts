import { int4s, texts, uuids } from './binary-array.ts'
import { addToCounters } from './counters.ts'
import { select, type Queryable } from './database.ts'

/** A message that enters the pipeline. */
export interface Input {
  readonly id: string
  /** The numbers as they are written in the body; undefined when it has none. */
  readonly numbers: string | undefined
  readonly body: string
  readonly partition: number
}

/** @throws {DatabaseError} when Postgres is out of reach or was never migrated */
export async function requireInputs(database: Queryable): Promise<void> {
  await database.query('select from inputs limit 0')
}

/**
 * The first inputs in the outbox, in the order of their ids.
 * @param minAge in seconds, by Postgres's clock: the time in an id is that of another process
 */
export async function selectUnpublished(database: Queryable, stage: string, minAge: number): Promise<Input[]> {
  return await select<Input>(
    database,
    `select hex(message_id) as id, numbers, body, partition
     from outbox o join inputs i using (message_id)
     where o.stage = $1 and o.created_at <= now() - make_interval(secs => $2)
     order by message_id limit 100`,
    [stage, minAge],
  )
}

/** Deletes inputs that were not sent, and subtracts them from the counters. */
export async function withdrawInputs(database: Queryable, stage: string, inputs: readonly Input[]): Promise<void> {
  const text = `
    with deleted as (
      delete from inputs where message_id = any($2::uuid[]) returning partition
    ), withdrawn as (
      delete from outbox where message_id = any($2::uuid[])
    )
    insert into counters as c (stage, partition, target, entered)
    select $1, partition, '', -count(*) from deleted group by partition order by partition
    ${addToCounters('entered')}`
  if (inputs.length > 0) await database.query(text, [stage, uuids(inputs.map(({ id }) => id))])
}

/** Inserts inputs, their outbox rows and their counts, in one statement. Existing rows stay as they are. */
export async function insertInputs(
  database: Queryable,
  { stage, enteredBy }: { readonly stage: string; readonly enteredBy?: string },
  inputs: readonly Input[],
): Promise<void> {
  const text = `
    with given as (
      select * from unnest($2::uuid[], $3::int4[], $4::text[], $5::text[])
        as t (message_id, partition, numbers, body)
    ), saved as (
      insert into inputs (message_id, numbers, body, stage, partition, entered_by)
      select message_id, numbers, body, $1, partition, $6 from given
      on conflict do nothing
      returning message_id, partition
    ), unpublished as (
      insert into outbox (message_id, stage) select message_id, $1 from saved
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
    enteredBy ?? null,
  ]
  await database.query({ name: 'insert-inputs', text, values })
}

/** Deletes inputs from the outbox, once their records are on their topics. */
export async function removeFromOutbox(database: Queryable, inputs: readonly Input[]): Promise<void> {
  const text = 'delete from outbox where message_id = any($1::uuid[])'
  const values = [uuids(inputs.map(({ id }) => id))]
  await database.query({ name: 'remove-from-outbox', text, values })
}
