import { expect, test } from 'vitest'
import { createBusyTime } from './deliver.ts'

test('batches side by side are busy once, and pauses are not', () => {
  let clock = 0
  const busy = createBusyTime(() => clock)
  const at = (time: number, event: () => void) => {
    clock = time
    event()
  }
  at(1000, busy.begin)
  at(2000, busy.begin)
  at(3000, busy.end)
  at(5000, busy.end)
  clock = 60_000
  expect(busy.takeSeconds()).toBe(4)
  expect(busy.takeSeconds()).toBe(0)
  at(70_000, busy.begin)
  clock = 71_500
  expect(busy.takeSeconds()).toBe(1.5)
  at(72_000, busy.end)
  expect(busy.takeSeconds()).toBe(0.5)
})
