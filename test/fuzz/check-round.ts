import { Client } from 'pg'
import { databaseSettings, milliseconds } from '../../sql/database.ts'
import type { Config } from '../../pipeline/config.ts'
import { rowProblem, stageNames, type Row } from './check-row.ts'
import type { FuzzRecord } from './corpus.ts'
import type { EndOffsets } from './watch-groups.ts'

/** A record where the broker has it. */
export interface SentRecord extends FuzzRecord {
  readonly offset: bigint
  /** Milliseconds. */
  readonly appendedAt: number
}

/** What became of the records of a class. */
export interface ClassCounts {
  sent: number
  exact: number
  duplicates: number
  readonly dead: Map<string, number>
}

export interface Round {
  readonly sent: readonly SentRecord[]
  /** The end of each topic when the round before was settled: what is before is not of this round. */
  readonly begins: EndOffsets
  /** Before the first of them was sent, in milliseconds. */
  readonly begunAt: number
}

/** A message, and which of its rows were seen. */
interface Followed {
  readonly record: SentRecord
  readonly rows: Set<string>
  isFinished: boolean
}

const columns = `stage, partition, "offset", hex(message_id) as id, attempt, ${milliseconds('previous_sent_at')} as "sentAt",
  ${milliseconds('entered_at')} as "enteredAt", ${milliseconds('queued_at')} as "queuedAt"`
const contents = `result, body, reason, record_value as value, headers, trace_id as "traceId", parent_span_id as "spanId",
  parent_flags as flags`
/** `computed_at` may lie ahead, because it is never before `sent-at`. */
const ofRound = 'from results where computed_at >= to_timestamp($1 / 1000.0)'

/** Compares every row of a round with what is expected. Adds to the counts of the classes, and returns the problems. */
export async function checkRound(config: Config, round: Round, classes: Map<string, ClassCounts>): Promise<string[]> {
  const client = new Client({ ...databaseSettings(config), query_timeout: 600_000 })
  await client.connect()
  try {
    const problems: string[] = []
    const byPlace = new Map(round.sent.map((record) => [`${record.stage}/${record.partition}/${record.offset}`, record]))
    const byId = new Map<string, Followed>()
    const entries = await client.query<Row>(`select ${columns} ${ofRound}`, [round.begunAt])
    for (const row of entries.rows) {
      const record = byPlace.get(`${stageNames.indexOf(row.stage)}/${row.partition}/${row.offset}`)
      if (record === undefined) continue
      byId.set(keyOf(row), { record, rows: new Set(), isFinished: false })
      const problem = entryProblem(record, row)
      if (problem !== undefined) problems.push(`${describe(record, row)} ${problem}.`)
    }
    for await (const row of rowsOf(client, round)) problems.push(...follow(row, byId))
    for (const key of await finishedOf(client, round.begunAt)) {
      const followed = byId.get(key)
      if (followed !== undefined) followed.isFinished = true
    }
    const ended = new Map(byId.values().map((followed) => [followed.record, followed]))
    for (const record of round.sent) problems.push(...count(record, ended.get(record), classes))
    return problems
  } finally {
    await client.end()
  }
}

const keyOf = ({ id, attempt }: Pick<Row, 'id' | 'attempt'>) => `${id}/${attempt}`

const describe = (record: FuzzRecord, { id, stage }: Row) => `Message ${id} (${record.class}, ${record.topic}) at ${stage}`

/** Every row of the round, in any order. */
async function* rowsOf(client: Client, { begins, begunAt }: Round): AsyncGenerator<Row> {
  await client.query('begin')
  await client.query(`declare rows cursor for select ${columns}, ${contents} ${ofRound}`, [begunAt])
  for (;;) {
    const { rows } = await client.query<Row>('fetch 100 from rows')
    yield* rows.filter(({ stage, partition, offset }) => BigInt(offset) >= (begins.get(`${stage}/${partition}`) ?? 0n))
    if (rows.length === 0) break
  }
  await client.query('commit')
}

async function finishedOf(client: Client, begunAt: number): Promise<string[]> {
  const { rows } = await client.query<Pick<Row, 'id' | 'attempt'>>(
    'select hex(message_id) as id, attempt from finished where finished_at >= to_timestamp($1 / 1000.0)',
    [begunAt],
  )
  return rows.map(keyOf)
}

/** Id and times of a message where it enters. */
function entryProblem({ identity, appendedAt }: SentRecord, { id, attempt, ...row }: Row): string | undefined {
  const derived = id.slice(12, 13) === '7' && Number.parseInt(id.slice(0, 12), 16) === appendedAt
  if (identity.id === null ? !derived : id !== identity.id)
    return `has the id ${id}, expected ${identity.id ?? 'a derived one'}`
  if (attempt !== identity.attempt) return `is attempt ${attempt}, expected ${identity.attempt}`
  if (row.sentAt !== identity.sentAt) return `was sent at ${row.sentAt}, expected ${identity.sentAt}`
  const queuedAt = Math.max(appendedAt, identity.sentAt ?? 0)
  if (row.queuedAt !== queuedAt) return `was queued at ${row.queuedAt}, expected ${queuedAt}`
  const enteredAt = identity.enteredAt ?? queuedAt
  return row.enteredAt === enteredAt ? undefined : `entered at ${row.enteredAt}, expected ${enteredAt}`
}

function follow(row: Row, byId: ReadonlyMap<string, Followed>): string[] {
  const followed = byId.get(keyOf(row))
  if (followed === undefined) return [`Message ${row.id} at ${row.stage} was not sent.`]
  const { record, rows } = followed
  rows.add(row.stage)
  const problem = rowProblem(record, row)
  return problem === undefined ? [] : [`${describe(record, row)} ${problem}.`]
}

/** Counts a record in its class. Returns what is missing of it. */
function count(record: SentRecord, followed: Followed | undefined, classes: Map<string, ClassCounts>): string[] {
  const counts = classes.get(record.class) ?? { sent: 0, exact: 0, duplicates: 0, dead: new Map<string, number>() }
  classes.set(record.class, counts)
  counts.sent += 1
  if (record.isDuplicate) {
    counts.duplicates += 1
    return followed === undefined ? [] : [`A duplicate at ${record.topic}/${record.partition}/${record.offset} has a row.`]
  }
  const where = `The record ${record.topic}/${record.partition}/${record.offset} (${record.class})`
  if (followed === undefined) return [`${where} has no row.`]
  const expected = record.steps.length + (record.dead === null ? 0 : 1)
  if (followed.rows.size !== expected) return [`${where} has ${followed.rows.size} rows, expected ${expected}.`]
  if (followed.isFinished !== (record.dead === null))
    return [`${where} is ${followed.isFinished ? '' : 'not '}in finished.`]
  if (record.dead === null) counts.exact += 1
  else counts.dead.set(record.dead[0], (counts.dead.get(record.dead[0]) ?? 0) + 1)
  return []
}
