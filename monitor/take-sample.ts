import { createRecordReader, readBacklog, type PartitionBacklog } from '../kafka/backlog.ts'
import { assignedPartitions, createAdmin, createKafka } from '../kafka/client.ts'
import { kafkaSettings } from '../kafka/settings.ts'
import { exportsTraces } from '../pipeline/config.ts'
import { readMessage } from '../pipeline/message.ts'
import type { ProcessContext } from '../pipeline/process.ts'
import { createOutageTracker, type OutageTracker } from '../pipeline/retry.ts'
import { monitoredGroups } from '../pipeline/route.ts'
import type { Database } from '../sql/database.ts'
import { createHealth } from '../telemetry/health.ts'
import { missingNow, readLedgerTotals } from './ledger.ts'
import { slide, totalWaiting, type GroupState, type PartitionState, type SlidingWindow } from './samples.ts'

type GroupReader = ReturnType<typeof openReaders>[number]

/** Short, so that a broker that is away does not hold up the next sample. */
const shortTimeouts = { connectionTimeout: 2000, requestTimeout: 4000 }
const retry = { initialRetryTime: 100, maxRetryTime: 300, retries: 1 }

/**
 * How the broker is asked about each group, over connections of its own: when one of the topics that a connection was asked for
 * is gone, kafkajs fails for all of them.
 */
export function openReaders({ config, log }: ProcessContext) {
  const settings = kafkaSettings(config, `${config.TOPIC_PREFIX}monitor`)
  const kafka = createKafka({ ...settings, client: { ...settings.client, ...shortTimeouts, retry } }, log)
  return monitoredGroups(config, exportsTraces()).map((group) => ({
    group,
    admin: createAdmin(kafka),
    records: createRecordReader(kafka, readMessage),
    // With a health of its own: a group that cannot be read makes the monitor neither less ready nor less alive.
    outages: createOutageTracker(`Reading the backlog of ${group.name}`, { log, health: createHealth() }),
  }))
}

/** Where samples come from, with the outages of both servers. */
export interface Sources {
  /** In the order of the flow. */
  readonly readers: readonly GroupReader[]
  readonly database: Database
  readonly kafka: OutageTracker
  readonly postgres: OutageTracker
}

/** Samples broker and rows once into the window. The backlog is added when Kafka answers, the ledger only when both do. */
export async function takeSample(sources: Sources, window: SlidingWindow): Promise<void> {
  const { readers, database, kafka, postgres } = sources
  const readTotals = () => undefinedOnFailure(postgres, () => readLedgerTotals(database))
  const before = await readTotals()
  const groups = await undefinedOnFailure(kafka, () => readGroups(readers))
  const at = performance.now() / 1000
  if (groups !== undefined) window.samples = slide(window.samples, { at, wallMs: Date.now(), groups })
  const after = await readTotals()
  if (before === undefined || groups === undefined || after === undefined) return
  const waiting = new Map([...groups].map(([name, { partitions }]) => [name, totalWaiting(partitions)]))
  const missing = missingNow({ before, after }, waiting)
  window.ledgerSamples = slide(window.ledgerSamples, { at, totals: after, missing })
}

/** The answer of a server; undefined when it is unreachable or fails, which the log says once an outage. */
export async function undefinedOnFailure<T>(server: OutageTracker, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    const answer = await ask()
    server.recovered()
    return answer
  } catch (error) {
    if (!(error instanceof Error) || error instanceof TypeError) throw error
    server.failed(error)
    return undefined
  }
}

/**
 * The state of each group, by its name; a group that cannot be read is absent.
 * @throws when none can be read
 */
export async function readGroups(readers: readonly GroupReader[]): Promise<Map<string, GroupState>> {
  const reading = readers.map(readGroup)
  await Promise.any(reading).catch(({ errors: [first] }: AggregateError) => {
    throw first
  })
  const groups = new Map<string, GroupState>()
  for (const [index, { group, outages }] of readers.entries()) {
    const state = await reading[index]?.catch(outages.failed)
    if (!state) continue
    outages.recovered()
    groups.set(group.name, state)
  }
  return groups
}

async function readGroup(reader: GroupReader): Promise<GroupState> {
  const { group, admin } = reader
  await admin.connect()
  const [partitions, { groups }] = await Promise.all([
    Promise.all(group.topics.map((topic) => readPartitions(reader, topic))),
    admin.describeGroups([group.group]),
  ])
  const members = groups.flatMap((described) => described.members)
  const assignments = members.map(({ memberAssignment }) =>
    group.topics.flatMap((topic) => assignedPartitions(memberAssignment, topic)),
  )
  const working = assignments.filter(({ length }) => length > 0).length
  return { members: members.length, working, assigned: assignments.flat().length, partitions: partitions.flat() }
}

async function readPartitions(reader: GroupReader, topic: string): Promise<PartitionState[]> {
  const { group, admin, records } = reader
  const backlog = await readBacklog(admin, { group: group.group, source: topic })
  const read = async (offsets: PartitionBacklog): Promise<PartitionState> => {
    const { partition, end, committed, isCommitted } = offsets
    const waiting = Number(offsets.waiting)
    // The count does not need it, and a record that cannot be read, such as a compressed one, may stay for ever.
    const fetch = () => records.fetchOldestRecord(topic, offsets).catch(() => undefined)
    const { at: oldestAt, messageId: oldestMessage } = (waiting > 0 ? await fetch() : undefined) ?? {}
    const name = group.topics.length === 1 ? String(partition) : `${topic}/${partition}`
    return { partition: name, end, committed, isCommitted, waiting, oldestAt, oldestMessage }
  }
  return await Promise.all(backlog.map(read))
}
