import { expect, test } from 'vitest'
import { createBusyTime } from './busy-time.ts'

test('batches side by side are busy once, and pauses are not', () => {
  let now = 0
  const busy = createBusyTime(() => now)
  const at = (time: number, event: () => void) => {
    now = time
    event()
  }
  at(1000, busy.begin)
  at(2000, busy.begin)
  at(3000, busy.end)
  at(5000, busy.end)
  now = 60_000
  expect(busy.take()).toBe(4)
  expect(busy.take()).toBe(0)
  at(70_000, busy.begin)
  now = 71_500
  expect(busy.take()).toBe(1.5)
  at(72_000, busy.end)
  expect(busy.take()).toBe(0.5)
})
