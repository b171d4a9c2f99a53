import { AssignerProtocol, type Kafka } from 'kafkajs'

/** Which partitions each member of a consumer group has, one list for each member; none while the group sorts itself out. */
export async function groupMembers(kafka: Kafka, groupId: string): Promise<number[][]> {
  const admin = kafka.admin()
  await admin.connect()
  try {
    const { groups } = await admin.describeGroups([groupId])
    const [group] = groups
    if (group?.state !== 'Stable') return []
    return group.members.map(({ memberAssignment }) => {
      const decoded = AssignerProtocol.MemberAssignment.decode(memberAssignment)
      return Object.values(decoded?.assignment ?? {}).flat()
    })
  } finally {
    await admin.disconnect()
  }
}
