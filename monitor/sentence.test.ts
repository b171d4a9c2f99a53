import { expect, test } from 'vitest'
import { sentenceOf, type Findings } from './report.ts'

const findings: Findings = {
  stage: 'lcm',
  command: 'throughline run lcm',
  verdict: 'OK',
  waiting: 0,
  oldest: 0,
  members: 1,
  partitions: ['0', '1', '2', '3'].map((partition) => ({ partition, waiting: 0, oldest: 0 })),
  assigned: 4,
  partitionsNotOk: [],
  arrivals: 0,
  served: 0,
  drain: 0,
}
const say = (changes: Partial<Findings>) => sentenceOf({ ...findings, ...changes })
const late = { waiting: 1240, oldest: 38, partitionsNotOk: ['0', '1', '2', '3'] }

test('idle, with and without a process', () => {
  expect(say({})).toBe('lcm is idle: nothing waits')
  expect(say({ members: 0 })).toBe('lcm is idle: nothing waits, and no process runs it')
})

test('at work', () => {
  expect(say({ served: 22.4 })).toBe('lcm keeps up: nothing waits, 22/s')
  expect(say({ waiting: 3, oldest: 0.21, served: 1240 })).toBe('lcm keeps up: 3 waiting, oldest 210 ms')
})

test('falling behind says by how much, and what helps', () => {
  const slow = { ...late, verdict: 'FALLING BEHIND' as const, arrivals: 50, served: 28 }
  expect(say(slow)).toBe(
    'lcm is falling behind: 1,240 waiting, oldest 38 s, +22/s; 1 of at most 4 replicas runs, add replicas',
  )
  expect(say({ ...slow, assigned: 2 })).toContain('; 2 of 4 partitions have a consumer, add replicas')
  expect(say({ ...slow, assigned: 0 })).toContain('; its group is still rebalancing')
  expect(say({ ...slow, members: 4 })).toContain(
    '; every partition has a consumer of its own: make it faster, or add partitions',
  )
  expect(say({ ...slow, partitionsNotOk: ['2'] })).toBe(
    'lcm is falling behind: 1,240 waiting, oldest 38 s, all that is late on partition 2, +22/s; ' +
      'one partition gets more than its share: spread the records',
  )
})

test('the tracer has its own command, and partitions of two topics', () => {
  const tracer = { ...late, stage: 'tracer', command: 'throughline tracer' }
  expect(say({ ...tracer, verdict: 'STOPPED', members: 0 })).toMatch(/^tracer .*start it: throughline tracer$/)
  expect(say({ ...tracer, verdict: 'STALLED', partitionsNotOk: ['dead-letter/2'] })).toContain(
    'all that is late on partition dead-letter/2',
  )
})

test('catching up says until when', () => {
  expect(say({ ...late, verdict: 'CATCHING UP', drain: 41.2 })).toBe(
    'lcm is catching up: 1,240 waiting, oldest 38 s, done in about 42 s',
  )
  expect(say({ ...late, verdict: 'CATCHING UP', drain: null })).toBe('lcm is catching up: 1,240 waiting, oldest 38 s')
})

test('stopped, stalled and unknown name the next step', () => {
  expect(say({ ...late, verdict: 'STOPPED', members: 0 })).toBe(
    'lcm is stopped: 1,240 waiting, oldest 38 s, and no process runs it; start it: throughline run lcm',
  )
  expect(say({ ...late, verdict: 'STALLED' })).toBe(
    'lcm is stalled: 1,240 waiting, oldest 38 s; 1 process is there and committed nothing for 30 s; its log says why',
  )
  expect(say({ verdict: 'UNKNOWN' })).toBe('lcm is unknown: its offsets cannot be read; are Kafka and its topic there?')
})
