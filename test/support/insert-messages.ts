import type { Queryable } from '../../sql/database.ts'

const DAY_MS = 86_400_000

/** Now plus a number of days. */
export function daysFromNow(days: number): Date {
  return new Date(Date.now() + days * DAY_MS)
}

/** The suffix of the names of a day's partitions, such as 20261126. */
export function partitionSuffix(at: Date): string {
  return at.toISOString().slice(0, 10).replaceAll('-', '')
}

/** The smallest message id of that time. */
export async function firstIdAt(database: Queryable, at: Date): Promise<string> {
  const { rows } = await database.query<{ id: string }>('select first_id($1) as id', [at])
  return rows[0]?.id ?? ''
}

export interface InsertOptions {
  /** The smallest id of the time by default. */
  readonly id?: string
  /** False for a message that is still in the outbox; true by default. */
  readonly isPublished?: boolean
}

/** Inserts the rows of a message that finished in a pipeline of one stage. Returns its id. */
export async function insertMessage(database: Queryable, at: Date, options: InsertOptions = {}): Promise<string> {
  const { id = await firstIdAt(database, at), isPublished = true } = options
  await database.query(
    `insert into inputs (message_id, created_at, partition, stage, numbers, body)
     values ($1, $2, 0, 'add', '[1]', '{"numbers":[1]}')`,
    [id, at],
  )
  if (!isPublished) {
    await database.query(`insert into outbox (message_id, created_at, stage) values ($1, $2, 'add')`, [id, at])
  }
  await insertResult(database, id, { at, attempt: 1 })
  await database.query(
    `insert into finished (message_id, entered_at, sent_at, finished_at, "offset", partition, attempt)
     values ($1, $2, $2, $2, 0, 0, 1)`,
    [id, at],
  )
  return id
}

/** Inserts the row of a second attempt. */
export async function insertReplay(database: Queryable, id: string, at: Date): Promise<void> {
  await insertResult(database, id, { at, attempt: 2 })
}

async function insertResult(database: Queryable, id: string, { at, attempt }: { at: Date; attempt: number }) {
  await database.query(
    `insert into results (message_id, entered_at, queued_at, started_at, computed_at, "offset", partition, attempt, stage, result, body)
     values ($1, $2, $2, $2, $2, 0, 0, $3, 'add', '1', '{"numbers":[1],"sum":1}')`,
    [id, at, attempt],
  )
}

/** Creates the partitions of a day before the first one and ends the partitions `_past` where they begin. */
export async function createPastPartitions(database: Queryable, day: Date): Promise<void> {
  const begin = Math.floor(day.getTime() / DAY_MS) * DAY_MS
  const [low, high] = [await firstIdAt(database, new Date(begin)), await firstIdAt(database, new Date(begin + DAY_MS))]
  for (const table of ['inputs', 'results', 'finished']) {
    await database.query(`
      alter table ${table} detach partition ${table}_past;
      alter table ${table} attach partition ${table}_past for values from (minvalue) to ('${low}');
      create table ${table}_${partitionSuffix(day)} partition of ${table} for values from ('${low}') to ('${high}')`)
  }
}
