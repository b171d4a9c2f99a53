import type { Admin } from 'kafkajs'
import { assignedPartitions } from '../../kafka/client.ts'
import type { OutageTracker } from '../../pipeline/retry.ts'
import type { Route } from '../../pipeline/route.ts'
import { readBacklog, type PartitionBacklog } from '../backlog.ts'
import type { Peek } from '../peek.ts'
import type { GroupSample, PartitionSample } from './sample.ts'

/**
 * How the broker is asked about one stage. Each has connections of its own: kafkajs fails on all topics that a connection
 * was asked for when one of them is gone.
 */
export interface StageDesk {
  readonly route: Route
  readonly admin: Admin
  readonly peek: Peek
  /** Whoever is told when this stage alone cannot be read. */
  readonly reading: OutageTracker
}

/**
 * The stages by the broker's account, by their names. One that cannot be read is absent.
 * @throws when no stage can be read
 */
export async function takeGroups(desks: readonly StageDesk[]): Promise<Map<string, GroupSample>> {
  const taken = await Promise.allSettled(desks.map(takeGroup))
  const failure = taken.find(({ status }) => status === 'rejected')
  if (failure?.status === 'rejected' && taken.every(({ status }) => status === 'rejected'))
    throw failure.reason
  const groups = new Map<string, GroupSample>()
  for (const [index, { route, reading }] of desks.entries()) {
    const one = taken[index]
    if (one?.status === 'fulfilled') {
      reading.works()
      groups.set(route.stage.name, one.value)
    } else if (one !== undefined) reading.failed(errorOf(one.reason))
  }
  return groups
}

function errorOf(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason))
}

async function takeGroup({ route, admin, peek }: StageDesk): Promise<GroupSample> {
  await admin.connect()
  const [backlog, assignments] = await Promise.all([readBacklog(admin, route), membersOf(admin, route.group)])
  const partitions = await Promise.all(backlog.map((partition) => withAge(partition, route.source, peek)))
  const shares = assignments.map((assignment) => assignedPartitions(assignment, route.source))
  const working = shares.filter((share) => share.length > 0).length
  return { members: shares.length, working, assigned: new Set(shares.flat()).size, partitions }
}

async function withAge(backlog: PartitionBacklog, topic: string, peek: Peek): Promise<PartitionSample> {
  // What waits is known without it. A record that cannot be read, such as a compressed one, may stay unread for ever.
  const read = () => peek.queuedAt(topic, backlog).catch(() => undefined)
  const oldestAt = backlog.waiting > 0n ? await read() : undefined
  return { ...backlog, waiting: Number(backlog.waiting), oldestAt }
}

/** What each member of a group is assigned, as Kafka's protocol has it. */
async function membersOf(admin: Admin, group: string): Promise<Buffer[]> {
  const { groups } = await admin.describeGroups([group])
  return groups.flatMap(({ members }) => members.map(({ memberAssignment }) => memberAssignment))
}
