import { expect, test } from 'vitest'
import { createHealth } from './health.ts'
import { longestTimeout } from './timeouts.ts'

function atTime() {
  const clock = { now: 0 }
  return { clock, health: createHealth(undefined, () => clock.now) }
}

test('a process is alive while it makes progress', () => {
  const { clock, health } = atTime()
  clock.now = 59_000
  expect(health.isAlive()).toBe(true)
  clock.now = 61_000
  expect(health.isAlive()).toBe(false)
  health.progressed()
  expect(health.isAlive()).toBe(true)
})

test('waiting for a server that is away is no reason for a restart, however long', () => {
  const { clock, health } = atTime()
  health.beginWait('Kafka')
  clock.now = 3_600_000
  expect(health.isAlive()).toBe(true)
  health.endWait('Kafka')
  expect(health.isAlive()).toBe(true)
  clock.now += 61_000
  expect(health.isAlive()).toBe(false)
})

test('ready is connected and waiting for no server', () => {
  const { health } = atTime()
  expect(health.isReady()).toBe(false)
  health.connected(true)
  expect(health.isReady()).toBe(true)
  health.beginWait('Kafka')
  health.beginWait('Kafka')
  health.endWait('Kafka')
  expect(health.isReady()).toBe(false)
  health.endWait('Kafka')
  expect(health.isReady()).toBe(true)
  health.connected(false)
  expect(health.isReady()).toBe(false)
})

test('an outage is news once, until it is over for all who wait', () => {
  const { clock, health } = atTime()
  expect(health.recovered('Kafka')).toBeUndefined()
  expect(health.beginWait('Kafka')).toBe(true)
  expect(health.beginWait('Kafka')).toBe(false)
  expect(health.beginWait('Postgres')).toBe(true)
  clock.now = 5000
  health.endWait('Kafka')
  expect(health.recovered('Kafka')).toBeUndefined()
  // One gave up without an answer, and another begins: it is the same outage.
  health.endWait('Kafka')
  expect(health.beginWait('Kafka')).toBe(false)
  health.endWait('Kafka')
  expect(health.recovered('Kafka')).toBe(5000)
  expect(health.beginWait('Kafka')).toBe(true)
})

test('a batch that makes no progress for longer than the longest timeout is stuck, although heartbeats go on', () => {
  const { clock, health } = atTime()
  const [stuck, other] = [health.batchBegan(), health.batchBegan()]
  for (; clock.now <= longestTimeout; clock.now += 1000) {
    health.progressed()
    other.progressed()
    expect(health.isAlive()).toBe(true)
  }
  clock.now += 20_000
  health.progressed()
  other.progressed()
  expect(health.isAlive()).toBe(false)
  stuck.ended()
  expect(health.isAlive()).toBe(true)
})

test('an outage of Postgres of ten minutes is no reason for a restart: attempts that fail are progress', () => {
  const { clock, health } = atTime()
  const batch = health.batchBegan()
  health.beginWait('Postgres')
  while (clock.now < 600_000) {
    // A statement that takes as long as it may, and the longest pause behind it.
    clock.now += 13_000
    expect(health.isAlive()).toBe(true)
    batch.progressed()
  }
})
