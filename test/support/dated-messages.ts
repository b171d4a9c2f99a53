import type { Queryable } from '../../sql/database.ts'

const DAY_MS = 86_400_000

/** The same time of day as now, so many days later. */
export function daysFromNow(days: number): Date {
  return new Date(Date.now() + days * DAY_MS)
}

/** The end of the names of a day's partitions: 20261126. */
export function nameOf(at: Date): string {
  return at.toISOString().slice(0, 10).replaceAll('-', '')
}

/** The id that a message gets at that time. */
export async function idOf(database: Queryable, at: Date): Promise<string> {
  const { rows } = await database.query<{ id: string }>('select first_id($1) as id', [at])
  return rows[0]?.id ?? ''
}

export interface PutOptions {
  /** Its id, when it is not that of its time. */
  readonly id?: string
  /** False when it waits in the outbox. */
  readonly isPublished?: boolean
}

/** A message that came through a pipeline of one stage at once. Returns its id. */
export async function putMessage(database: Queryable, at: Date, options: PutOptions = {}): Promise<string> {
  const { id = await idOf(database, at), isPublished = true } = options
  await database.query(
    `insert into inputs (message_id, created_at, partition, stage, numbers, body)
     values ($1, $2, 0, 'add', '[1]', '{"numbers":[1]}')`,
    [id, at],
  )
  if (!isPublished) {
    await database.query(`insert into outbox (message_id, created_at, stage) values ($1, $2, 'add')`, [
      id,
      at,
    ])
  }
  await putResult(database, id, { at, attempt: 1 })
  await database.query(
    `insert into finished (message_id, entered_at, sent_at, finished_at, "offset", partition, attempt)
     values ($1, $2, $2, $2, 0, 0, 1)`,
    [id, at],
  )
  return id
}

/** The row of a second attempt. */
export async function putReplay(database: Queryable, id: string, at: Date): Promise<void> {
  await putResult(database, id, { at, attempt: 2 })
}

async function putResult(database: Queryable, id: string, { at, attempt }: { at: Date; attempt: number }) {
  await database.query(
    `insert into results (message_id, entered_at, queued_at, started_at, computed_at, "offset", partition, attempt, stage, result, body)
     values ($1, $2, $2, $2, $2, 0, 0, $3, 'add', '1', '{"numbers":[1],"sum":1}')`,
    [id, at, attempt],
  )
}

/** The partitions of a day before the first one, as if the database had been there since: `_past` ends where it begins. */
export async function makePastDay(database: Queryable, day: Date): Promise<void> {
  const begin = Math.floor(day.getTime() / DAY_MS) * DAY_MS
  const [low, high] = [await idOf(database, new Date(begin)), await idOf(database, new Date(begin + DAY_MS))]
  for (const table of ['inputs', 'results', 'finished']) {
    await database.query(`
      alter table ${table} detach partition ${table}_past;
      alter table ${table} attach partition ${table}_past for values from (minvalue) to ('${low}');
      create table ${table}_${nameOf(day)} partition of ${table} for values from ('${low}') to ('${high}')`)
  }
}
