import { median } from 'simple-statistics'
import { memoryOf } from '../../bench/machine.ts'
import { startProcesses } from '../../bench/processes.ts'
import { createKafka, type IHeaders } from '../../kafka/client.ts'
import { createSender, type Sender } from '../../kafka/producer.ts'
import { kafkaSettings } from '../../kafka/settings.ts'
import { childEnvironment, readConfig } from '../../pipeline/config.ts'
import { openDatabase, select, type Database } from '../../sql/database.ts'
import { createLog } from '../../telemetry/log.ts'
import { UserError } from '../../telemetry/user-error.ts'
import { startDedicatedServers } from '../support/processes/dedicated-servers.ts'
import { runThroughline } from '../support/processes/throughline-cli.ts'
import { checkRound, type ClassCounts, type SentRecord } from './check-round.ts'
import { stageNames } from './check-row.ts'
import { corpus, python, type FuzzRecord } from './corpus.ts'
import { watchGroups, type EndOffsets, type Stall } from './watch-groups.ts'

export interface FuzzOptions {
  readonly seed: number
  readonly messages: number
  /** Ends the run after the round under way. */
  readonly stopping?: AbortSignal
  /** Receives a line for each round. */
  readonly say: (line: string) => void
}

/** Megabytes of a stage's process, at the end of each round. */
export type Memory = ReadonlyMap<string, readonly number[]>

export interface FuzzReport {
  readonly classes: ReadonlyMap<string, ClassCounts>
  readonly problems: readonly string[]
  readonly memory: Memory
  readonly stall: Stall
  readonly seconds: number
}

/** Records sent before their rows are compared. */
const ROUND = 10_000

/**
 * Sends the records of a seed to dedicated servers with the six stages as processes, and compares every row with the oracle.
 * @throws {UserError} without Python; an error when a process exits or a record is stuck
 */
export async function runFuzz({ seed, messages, stopping, say }: FuzzOptions): Promise<FuzzReport> {
  if (python === undefined) throw new UserError('The oracle needs Python 3.11 or newer: put python3 on the PATH.')
  const begun = Date.now()
  await using stack = new AsyncDisposableStack()
  const servers = stack.use(await startDedicatedServers())
  const settings = { ...servers.env, LOG_LEVEL: 'warn' }
  const config = readConfig(settings)
  const env = childEnvironment(settings)
  await runThroughline(['migrate'], env)
  const processes = stack.use(await startProcesses(stageNames, env, new AbortController().signal))
  const ofKafka = kafkaSettings(config, 'fuzz')
  const kafka = createKafka(ofKafka, createLog('silent', {}))
  const sender = stack.adopt(createSender(kafka, ofKafka), (one) => one.close())
  const database = stack.adopt(openDatabase(config, 1), (pool) => pool.end())
  const admin = kafka.admin()
  await admin.connect()
  stack.defer(() => admin.disconnect())
  const watch = stack.use(watchGroups(admin, config))
  const classes = new Map<string, ClassCounts>()
  const problems: string[] = []
  const memory = new Map<string, number[]>(stageNames.map((name) => [name, []]))
  const measureMemory = () => {
    const pids = processes.components['stages']
    if (pids === undefined) throw new Error('There are no processes of stages')
    for (const [index, pid] of pids.entries()) {
      memory.get(stageNames[index] ?? '')?.push(memoryOf(pid, 'VmRSS'))
    }
  }
  let begins: EndOffsets = await watch.settled(processes.signal)
  let count = 0
  const records = corpus({ seed, messages, partitions: config.TOPIC_PARTITIONS, now: begun })
  for await (const round of readAhead(roundsOf(records))) {
    const begunAt = Date.now()
    const sent = await send(sender, round)
    const ends = await watch.settled(processes.signal)
    problems.push(...(await checkRound(config, { sent, begins, begunAt }, classes)))
    begins = ends
    measureMemory()
    count += sent.length
    say(`${count} of ${messages} sent, ${problems.length} problems, ${Math.round((Date.now() - begun) / 1000)} s`)
    if (stopping?.aborted === true) break
  }
  problems.push(...(await totalProblems(database, classes)), ...growthProblems(memory))
  return { classes, problems, memory, stall: watch.longestStall(), seconds: (Date.now() - begun) / 1000 }
}

/** The oracle works on the next round while the stages work on this one. */
async function* readAhead<T>(rounds: AsyncGenerator<T>): AsyncGenerator<T> {
  let next = rounds.next()
  try {
    for (;;) {
      const { value, done } = await next
      if (done === true) return
      next = rounds.next()
      // An error is thrown where it is awaited.
      next.catch(() => undefined)
      yield value
    }
  } finally {
    await rounds.return(undefined)
  }
}

async function* roundsOf(records: AsyncIterable<FuzzRecord>): AsyncGenerator<FuzzRecord[]> {
  let round: FuzzRecord[] = []
  for await (const record of records) {
    round.push(record)
    if (round.length === ROUND) {
      yield round
      round = []
    }
  }
  if (round.length > 0) yield round
}

async function send(sender: Sender, round: readonly FuzzRecord[]): Promise<SentRecord[]> {
  const sent: SentRecord[] = []
  for (const [topic, records] of Map.groupBy(round, (record) => record.topic)) {
    const outgoing = records.map(({ partition, value, headers }) => {
      return { partition, key: null, value: bytesOf(value), headers: headersOf(headers) }
    })
    const metadata = await sender.send(topic, outgoing)
    for (const [index, { value: _, ...record }] of records.entries()) {
      const place = metadata[index]
      if (place === undefined) throw new Error(`The broker refuses a record of the class ${record.class} for its size`)
      sent.push({ ...record, value: null, offset: place.offset, appendedAt: place.appendedAt })
    }
  }
  return sent
}

const bytesOf = (base64: string | null) => (base64 === null ? null : Buffer.from(base64, 'base64'))

/** kafkajs sends no header without a value, so one of no bytes takes its place. */
function headersOf(headers: FuzzRecord['headers']): IHeaders {
  const made = Object.create(null) as Record<string, Buffer[]>
  for (const [name, value] of headers) (made[name] ??= []).push(bytesOf(value) ?? Buffer.alloc(0))
  return made
}

/** After five rounds of warm-up, the memory of a stage in the last third of a run is at most this many times that of the first third. */
const MAX_GROWTH = 1.15
const WARM_UP_ROUNDS = 5

function growthProblems(memory: Memory): string[] {
  return [...memory].flatMap(([stage, each]) => {
    const warm = each.slice(WARM_UP_ROUNDS)
    const third = Math.floor(warm.length / 3)
    // A short run says nothing.
    if (third < 3) return []
    const [first, last] = [median(warm.slice(0, third)), median(warm.slice(-third))]
    return last > first * MAX_GROWTH
      ? [`The memory of ${stage} grew from ${first.toFixed(0)} to ${last.toFixed(0)} MB.`]
      : []
  })
}

/** Rows that belong to no record, and duplicates that were not counted. A produce request that is repeated fails the run. */
async function totalProblems(database: Database, classes: ReadonlyMap<string, ClassCounts>): Promise<string[]> {
  const [row] = await select<{ finished: string; dead: string; duplicates: string; counted: string }>(
    database,
    `select (select count(*) from finished) as finished, (select count(*) from results where reason is not null) as dead,
      sum(duplicates) as duplicates, sum(finished) as counted from counters`,
  )
  const sumOf = (count: (counts: ClassCounts) => number) => classes.values().reduce((sum, counts) => sum + count(counts), 0)
  const exact = sumOf((counts) => counts.exact)
  const dead = sumOf((counts) => counts.dead.values().reduce((sum, number) => sum + number, 0))
  const expected = [exact, dead, sumOf(({ duplicates }) => duplicates), exact]
  const found = [row?.finished, row?.dead, row?.duplicates, row?.counted].map(Number)
  const isRight = expected.every((number, index) => number === found[index])
  return isRight
    ? []
    : [`Finished, dead, duplicates and the counter of finished are ${found.join()}, expected ${expected.join()}.`]
}
