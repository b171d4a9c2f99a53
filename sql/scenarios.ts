import { uuids } from './binary-array.ts'
import { milliseconds, select, type Queryable } from './database.ts'

/** What a scenario does to processes that obey it. */
export type FaultName = 'slow' | 'stop' | 'flaky' | 'database-away'

/** Numbers that a fault needs: `ms` for a message, a `share` from 0 to 1. */
export type FaultSetting = Readonly<Partial<Record<'ms' | 'share', number>>>

interface NewScenario {
  readonly name: string
  /** What it does, in one sentence. */
  readonly about: string
  /** Null where the fault concerns no stage. */
  readonly stage: string | null
  readonly fault: FaultName | null
  readonly setting: FaultSetting
  /** Until its lease ends. */
  readonly seconds: number
}

/** Stores a scenario, whose lease begins now. Returns its id. */
export async function beginScenario(database: Queryable, scenario: NewScenario): Promise<number> {
  const { name, about, stage, fault, setting, seconds } = scenario
  const [row] = await select<{ id: number }>(
    database,
    `insert into scenarios (name, about, stage, fault, setting, ends_at)
     values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6)) returning id`,
    [name, about, stage, fault, JSON.stringify(setting), seconds],
  )
  if (row === undefined) throw new Error('The scenario has no row')
  return row.id
}

/** Ends the lease of a scenario, if it has not ended yet, and stores a result if there is one. */
export async function endScenario(database: Queryable, id: number, result?: object): Promise<void> {
  const text = 'update scenarios set ends_at = least(ends_at, now()), result = coalesce($2, result) where id = $1'
  await database.query(text, [id, result === undefined ? null : JSON.stringify(result)])
}

/** A lease that has not ended. */
export interface FaultLease {
  readonly id: number
  readonly name: string
  readonly fault: FaultName
  readonly setting: FaultSetting
  /** Milliseconds until it ends. */
  readonly leftMs: number
}

/** The faults that concern a stage now, or with null those that concern no stage. The latest comes first. */
export async function readFaults(database: Queryable, stage: string | null): Promise<FaultLease[]> {
  const text = `select id, name, fault, setting, ${milliseconds('ends_at - now()')} as "leftMs" from scenarios
    where ends_at > now() and fault is not null and stage is not distinct from $1 order by id desc`
  return (await database.query<FaultLease>({ name: 'read-faults', text, values: [stage] })).rows
}

/** Adds to the effects of a fault; 0 says that a process obeys it. */
export async function addEffects(database: Queryable, id: number, count: number): Promise<void> {
  await database.query('update scenarios set effects = coalesce(effects, 0) + $2 where id = $1', [id, count])
}

/** Marks the scenarios that were never judged although their lease has ended: their commands were killed. Returns their names. */
export async function markInterrupted(database: Queryable): Promise<string[]> {
  const text = `update scenarios set result = '{"interrupted": true}' where result is null and ends_at < now() - interval '5 minutes'
    returning name`
  return (await select<{ name: string }>(database, text)).map(({ name }) => name)
}

/** A message that has ended. */
export interface EndedMessage {
  readonly id: string
  /** Where and why it is a dead letter; null when it has finished. */
  readonly stage: string | null
  readonly reason: string | null
}

/** What the views say about a scenario besides the status of the stages. */
export interface ScenarioProgress {
  readonly effects: number | null
  /** Those of the given messages that have ended. */
  readonly ended: readonly EndedMessage[]
  /** Alerts that fire now and did not when the scenario began. */
  readonly firing: readonly FiringAlert[]
  /** When this was read and when the monitor's latest samples were stored, in milliseconds; null without samples. */
  readonly readAt: number
  readonly sampledAt: number | null
  /** Whether the lease has ended. */
  readonly hasEnded: boolean
}

interface FiringAlert {
  readonly alert: string
  /** Null for an alert that is about no stage. */
  readonly stage: string | null
}

export async function readFiringAlerts(database: Queryable): Promise<FiringAlert[]> {
  return await select<FiringAlert>(database, 'select alert, stage from alerts_firing')
}

const endedQuery = `
select hex(message_id) as id, null as stage, null as reason from finished where message_id = any($1::uuid[])
union all
select hex(message_id), stage, reason from dead_letters where message_id = any($1::uuid[])`

/** @param ids of messages that had not ended when they were asked for last */
export async function readScenarioProgress(
  database: Queryable,
  id: number,
  ids: readonly string[],
): Promise<ScenarioProgress> {
  const ended = ids.length === 0 ? [] : await select<EndedMessage>(database, endedQuery, [uuids(ids)])
  const firing = await select<FiringAlert>(
    database,
    'select alert, stage from alerts_firing where starts_at >= (select began_at from scenarios where id = $1)',
    [id],
  )
  const [row] = await select<Omit<ScenarioProgress, 'ended' | 'firing'>>(
    database,
    `select effects::float8 as effects, extract(epoch from now())::float8 * 1000 as "readAt",
       (select extract(epoch from max(at))::float8 * 1000 from stage_samples) as "sampledAt",
       ends_at <= now() as "hasEnded"
     from scenarios where id = $1`,
    [id],
  )
  if (row === undefined) throw new Error('The scenario has no row')
  return { ...row, ended, firing }
}

/** How many rows messages have in `results`, of all stages and attempts. */
export async function countRows(database: Queryable, ids: readonly string[]): Promise<number> {
  const text = 'select count(*)::integer as rows from results where message_id = any($1::uuid[])'
  const [row] = await select<{ rows: number }>(database, text, [uuids(ids)])
  return row?.rows ?? 0
}
