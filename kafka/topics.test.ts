import { expect, test } from 'vitest'
import { replicationSummary } from './topics.ts'

const start = { topic: 'start', partitions: 4, recordHours: 1, replicas: 1, minInSync: 1 }

test.each([
  [
    1,
    1,
    '1 broker, and 1 must have it before it counts as sent: while that broker is away messages wait, and what it loses is lost.',
  ],
  [
    2,
    2,
    '2 brokers, and 2 must have it before it counts as sent: messages wait while any of them is away, and no record is lost with 1 broker.',
  ],
  [
    3,
    1,
    '3 brokers, and 1 must have it before it counts as sent: messages go on while 2 of them are away, and the loss of one can lose records (min.insync.replicas).',
  ],
  [
    3,
    2,
    '3 brokers, and 2 must have it before it counts as sent: messages go on while 1 of them is away, and no record is lost with 1 broker.',
  ],
])('with %i replicas, %i in sync, it says what that survives', (replicas, minInSync, text) => {
  expect(replicationSummary([{ ...start, replicas, minInSync }])).toBe(`Each record is kept by ${text}`)
})

test('of topics that differ the one that is kept least safely is named', () => {
  const kept = { ...start, replicas: 3, minInSync: 2 }
  expect(replicationSummary([kept, { ...start, topic: 'finish' }])).toMatch(
    /^Each record of finish, which is kept least safely, is kept by 1 broker/,
  )
})
