import { expect, test } from 'vitest'
import { plannedSettings, type TopicState } from '../../kafka/topics.ts'
import { readConfig } from '../../pipeline/config.ts'
import { topicPlan } from '../../pipeline/route.ts'
import { judgeGroups, judgePartitions, judgeReplication, judgeSettings } from './checks-kafka.ts'

const plan = topicPlan(readConfig({}))

function state(topic: string, changes: Partial<TopicState> = {}, settings: Record<string, string> = {}): TopicState {
  const values = new Map(Object.entries({ ...plannedSettings(topic, plan), ...settings }))
  return { topic, partitions: 4, recordHours: 192, replicas: 1, minInSync: 1, inSync: 1, values, ...changes }
}

test('partitions: even, too few, and uneven', () => {
  const even = [state('start'), state('finish')]
  expect(judgePartitions(even, 0)).toMatchObject({ status: 'pass', message: 'Each topic has 4 partitions' })
  expect(judgePartitions(even, 4).status).toBe('pass')
  expect(judgePartitions([state('start'), state('finish', { partitions: 2 })], 4)).toMatchObject({
    status: 'failure',
    message: 'These topics have fewer than 4 partitions, finish (2)',
    remedy: 'run `TOPIC_PARTITIONS=4 npx throughline migrate`',
  })
  expect(judgePartitions([state('start', { partitions: 6 }), state('finish')], 0)).toMatchObject({
    status: 'warning',
    message: 'These topics have fewer than 6 partitions, finish (4)',
    remedy: 'run `TOPIC_PARTITIONS=6 npx throughline migrate`',
  })
})

test('settings: those that times and bodies depend on are failures, retention is a warning', () => {
  expect(judgeSettings([state('start'), state('dead-letter')], plan).status).toBe('pass')
  expect(judgeSettings([state('dead-letter', {}, { 'max.message.bytes': '9999999' })], plan).status).toBe('pass')
  const short = state('start', {}, { 'retention.ms': '1000' })
  expect(judgeSettings([short], plan)).toMatchObject({
    status: 'warning',
    message: 'retention.ms of start is 1000, and `migrate` would give it 604800000',
  })
  const local = state('stage3', {}, { 'message.timestamp.type': 'CreateTime' })
  expect(judgeSettings([short, local], plan)).toMatchObject({
    status: 'failure',
    message:
      'message.timestamp.type of stage3 is CreateTime, and `migrate` would give it LogAppendTime (and 1 more difference)',
    remedy: expect.stringContaining('--entity-name stage3 --add-config message.timestamp.type=LogAppendTime'),
  })
})

test.each([
  [{}, 1, 'pass'],
  [{ replicas: 3, minInSync: 2, inSync: 3 }, 3, 'pass'],
  [{ replicas: 3, minInSync: 2, inSync: 2 }, 3, 'warning'],
  [{ replicas: 3, minInSync: 2, inSync: 1 }, 3, 'failure'],
  [{ inSync: 0 }, 1, 'failure'],
  [{}, 3, 'warning'],
  [{ replicas: 2, minInSync: 2, inSync: 2 }, 3, 'warning'],
] as const)('replication %o with %i brokers: %s', (changes, brokers, status) => {
  expect(judgeReplication([state('start', changes)], brokers).status).toBe(status)
})

test('groups: members, and what waits', () => {
  const group = (name: string, running: number, waiting = 0) => ({ name, command: `run ${name}`, running, waiting })
  expect(judgeGroups([group('add', 1), group('lcm', 2)])).toMatchObject([
    { check: 'groups', status: 'pass', message: 'Every consumer group has members: add 1, lcm 2' },
    { check: 'lag', status: 'pass' },
  ])
  expect(judgeGroups([group('add', 0), group('lcm', 1, 3000), group('sine', 0)])).toMatchObject([
    { status: 'failure', message: 'No process runs add, sine', remedy: 'start them: `run add`, `run sine`' },
    { status: 'pass', message: '3,000 messages wait, most of them for lcm' },
  ])
})

test('lag: messages that no process reads are a warning', () => {
  const groups = [
    { name: 'add', command: 'run add', running: 0, waiting: 5000 },
    { name: 'lcm', command: 'run lcm', running: 1, waiting: 9000 },
  ]
  expect(judgeGroups(groups)[1]).toEqual({
    check: 'lag',
    status: 'warning',
    message: 'Messages wait that no process reads, 5,000 in front of add',
    remedy: 'start it: `run add`',
  })
})
