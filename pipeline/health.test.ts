import { expect, test } from 'vitest'
import { createHealth } from './health.ts'

function atTime() {
  const clock = { now: 0 }
  return { clock, health: createHealth(() => clock.now) }
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
  health.waiting(true)
  clock.now = 3_600_000
  expect(health.isAlive()).toBe(true)
  health.waiting(false)
  expect(health.isAlive()).toBe(true)
  clock.now += 61_000
  expect(health.isAlive()).toBe(false)
})

test('ready is connected and waiting for nobody', () => {
  const { health } = atTime()
  expect(health.isReady()).toBe(false)
  health.connected(true)
  expect(health.isReady()).toBe(true)
  health.waiting(true)
  health.waiting(true)
  health.waiting(false)
  expect(health.isReady()).toBe(false)
  health.waiting(false)
  expect(health.isReady()).toBe(true)
  health.connected(false)
  expect(health.isReady()).toBe(false)
})
