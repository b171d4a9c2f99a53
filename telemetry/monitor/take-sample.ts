import type { Admin } from 'kafkajs'
import { assignedPartitions } from '../../pipeline/kafka.ts'
import type { Route } from '../../pipeline/route.ts'
import { readBacklog, type PartitionBacklog } from '../backlog.ts'
import type { Peek } from '../peek.ts'
import type { GroupSample, PartitionSample } from './sample.ts'

export interface Broker {
  /** Connected. */
  readonly admin: Admin
  readonly peek: Peek
}

/** All stages by the broker's account, by their names. */
export async function takeGroups(broker: Broker, flow: readonly Route[]): Promise<Map<string, GroupSample>> {
  const [partitions, members] = await Promise.all([
    Promise.all(flow.map((route) => partitionsOf(broker, route))),
    membersOf(broker.admin, flow),
  ])
  return new Map(
    flow.map(({ stage, group, source }, index) => {
      const assignments = members.get(group) ?? []
      const assigned = new Set(assignments.flatMap((assignment) => assignedPartitions(assignment, source)))
      return [
        stage.name,
        { members: assignments.length, assigned: assigned.size, partitions: partitions[index] ?? [] },
      ]
    }),
  )
}

async function partitionsOf({ admin, peek }: Broker, route: Route): Promise<PartitionSample[]> {
  const backlog = await readBacklog(admin, route)
  return await Promise.all(backlog.map((partition) => withAge(partition, route.source, peek)))
}

async function withAge(backlog: PartitionBacklog, topic: string, peek: Peek): Promise<PartitionSample> {
  const { partition, end, committed, waiting } = backlog
  const oldestAt = waiting > 0n ? await peek.queuedAt(topic, partition, committed) : undefined
  return { partition, end, committed, waiting: Number(waiting), oldestAt }
}

/** By group, what each of its members is assigned, as Kafka's protocol has it. */
async function membersOf(admin: Admin, flow: readonly Route[]): Promise<Map<string, Buffer[]>> {
  const { groups } = await admin.describeGroups(flow.map(({ group }) => group))
  return new Map(
    groups.map(({ groupId, members }) => [groupId, members.map(({ memberAssignment }) => memberAssignment)]),
  )
}
