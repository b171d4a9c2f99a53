import type { Admin } from 'kafkajs'
import { assignedPartitions } from '../kafka/client.ts'
import type { OutageTracker } from '../pipeline/retry.ts'
import { readBacklog, type PartitionBacklog } from '../kafka/backlog.ts'
import type { RecordReader } from '../kafka/oldest-record.ts'
import type { MonitoredGroup } from './monitored-groups.ts'
import type { GroupSample, PartitionSample } from './sample.ts'

/**
 * How the broker is asked about one group. Each has connections of its own: kafkajs fails on all topics that a connection
 * was asked for when one of them is gone.
 */
export interface GroupReader {
  readonly group: MonitoredGroup
  readonly admin: Admin
  readonly records: RecordReader
  /** Is told when this group alone cannot be read. */
  readonly outages: OutageTracker
}

/**
 * The groups by the broker's account, by their names. One that cannot be read is absent.
 * @throws when none can be read
 */
export async function takeGroups(readers: readonly GroupReader[]): Promise<Map<string, GroupSample>> {
  const taken = await Promise.allSettled(readers.map(takeGroup))
  const failure = taken.find(({ status }) => status === 'rejected')
  if (failure?.status === 'rejected' && taken.every(({ status }) => status === 'rejected'))
    throw failure.reason
  const groups = new Map<string, GroupSample>()
  for (const [index, { group, outages }] of readers.entries()) {
    const one = taken[index]
    if (one?.status === 'fulfilled') {
      outages.works()
      groups.set(group.name, one.value)
    } else if (one !== undefined) outages.failed(errorOf(one.reason))
  }
  return groups
}

function errorOf(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason))
}

async function takeGroup(reader: GroupReader): Promise<GroupSample> {
  const { group, admin } = reader
  await admin.connect()
  const [partitions, assignments] = await Promise.all([
    Promise.all(group.topics.map((topic) => takePartitions(reader, topic))),
    membersOf(admin, group.group),
  ])
  const shares = assignments.map((assignment) =>
    group.topics.flatMap((topic) =>
      assignedPartitions(assignment, topic).map((partition) => nameOf(group, topic, partition)),
    ),
  )
  const working = shares.filter((share) => share.length > 0).length
  const assigned = new Set(shares.flat()).size
  return { members: shares.length, working, assigned, partitions: partitions.flat() }
}

/** Its number, and the topic before it where the group reads several. */
function nameOf({ topics }: MonitoredGroup, topic: string, partition: number): string {
  return topics.length === 1 ? String(partition) : `${topic}/${partition}`
}

async function takePartitions(reader: GroupReader, topic: string): Promise<PartitionSample[]> {
  const { group, admin } = reader
  const backlog = await readBacklog(admin, { group: group.group, source: topic })
  return await Promise.all(backlog.map((one) => takePartition(reader, topic, one)))
}

async function takePartition(
  { group, records }: GroupReader,
  topic: string,
  { partition, waiting, ...backlog }: PartitionBacklog,
): Promise<PartitionSample> {
  // What waits is known without it. A record that cannot be read, such as a compressed one, may stay unread for ever.
  const fetch = () => records.fetchOldestRecord(topic, { partition, ...backlog }).catch(() => undefined)
  const oldest = waiting > 0n ? await fetch() : undefined
  return {
    ...backlog,
    partition: nameOf(group, topic, partition),
    waiting: Number(waiting),
    oldestAt: oldest?.at,
    oldestMessage: oldest?.messageId,
  }
}

/** What each member of a group is assigned, as Kafka's protocol has it. */
async function membersOf(admin: Admin, group: string): Promise<Buffer[]> {
  const { groups } = await admin.describeGroups([group])
  return groups.flatMap(({ members }) => members.map(({ memberAssignment }) => memberAssignment))
}
