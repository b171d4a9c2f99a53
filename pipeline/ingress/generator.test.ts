import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Input } from '../../sql/inputs.ts'
import { readConfig } from '../config.ts'
import { generate } from './generator.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Generates for so many seconds, each submit taking so many milliseconds. */
async function generated(rate: number, seconds: number, submitMs: number) {
  const stopping = new AbortController()
  let entered = 0
  const slow = vi.fn<(perSecond: number) => void>()
  const running = generate({
    config: readConfig({ RATE: String(rate), COUNT_MAX: '3' }),
    signal: stopping.signal,
    onSlow: slow,
    submit: async (inputs) => {
      entered += inputs.length
      if (submitMs > 0) await new Promise((resolve) => void setTimeout(resolve, submitMs))
    },
  })
  await vi.advanceTimersByTimeAsync(seconds * 1000)
  stopping.abort()
  await vi.advanceTimersByTimeAsync(1000)
  await running
  return { perSecond: entered / seconds, slow: slow.mock.calls.map(([perSecond]) => Math.round(perSecond)) }
}

test.each([1, 50, 1000])('a rate of %i a second is kept, also where a submit takes some time', async (rate) => {
  for (const submitMs of [0, 15]) {
    const { perSecond, slow } = await generated(rate, 30, submitMs)
    expect(Math.abs(perSecond - rate) / rate).toBeLessThan(0.05)
    expect(slow).toEqual([])
  }
})

test('a rate of 100,000 a second is kept where submits are fast enough', async () => {
  const { perSecond, slow } = await generated(100_000, 2, 0)
  expect(Math.abs(perSecond - 100_000) / 100_000).toBeLessThan(0.05)
  expect(slow).toEqual([])
})

test('a rate that is not kept is told, with the rate that was reached', async () => {
  const { perSecond, slow } = await generated(5000, 25, 500)
  expect(perSecond).toBeLessThan(1100)
  expect(slow.length).toBeGreaterThan(0)
  for (const reached of slow) expect(Math.abs(reached - 1000)).toBeLessThan(100)
})

test('what a slow submit delays is caught up', async () => {
  let isFirst = true
  const stopping = new AbortController()
  let entered = 0
  const running = generate({
    config: readConfig({ RATE: '1000', COUNT_MAX: '3' }),
    signal: stopping.signal,
    submit: async (inputs) => {
      entered += inputs.length
      if (isFirst) await new Promise((resolve) => void setTimeout(resolve, 700))
      isFirst = false
    },
  })
  await vi.advanceTimersByTimeAsync(5000)
  stopping.abort()
  await vi.advanceTimersByTimeAsync(1000)
  await running
  expect(Math.abs(entered - 5000)).toBeLessThan(100)
})

test('a few messages go to one partition, many to all partitions alike, and the next ones to the next partition', async () => {
  const submits: number[][] = []
  const submit = async (inputs: readonly Input[]) => void submits.push(inputs.map(({ partition }) => partition))
  const config = readConfig({ TOPIC_PARTITIONS: '4', COUNT_MAX: '3' })
  const { signal } = new AbortController()
  for (const messages of [3, 3, 500]) await generate({ config, signal, submit, messages })
  const [first = [], second = [], many = []] = submits
  expect([new Set(first).size, new Set(second).size]).toEqual([1, 1])
  expect(second[0]).toBe(((first[0] ?? 0) + 1) % 4)
  expect([0, 1, 2, 3].map((partition) => many.filter((one) => one === partition).length)).toEqual([125, 125, 125, 125])
})
