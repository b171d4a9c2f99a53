import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { message } from '../test/support/data/outcomes.fixture.ts'
import { handle } from './consumer-process.ts'
import type { Retry } from './retry.ts'
import { createHealth } from '../telemetry/health.ts'
import { createLog } from '../telemetry/log.ts'
import { longestTimeout } from '../telemetry/timeouts.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Handles a batch in a process that goes on sending heartbeats. */
function handled(handleBatch: (retry: Retry) => Promise<number>) {
  const [health, lost, stopping] = [createHealth(), new AbortController(), new AbortController()]
  const heartbeats = setInterval(health.progressed, 1000)
  const signal = AbortSignal.any([lost.signal, stopping.signal])
  const batch = { messages: [message(1)], signal, lost: lost.signal, commit: () => {} }
  const log = createLog('silent', {})
  const done = handle(batch, { handleBatch: (_, retry) => handleBatch(retry) }, { log, health })
  const settled = done.catch(String).finally(() => clearInterval(heartbeats))
  return { health, lost, settled }
}

const away = () => Promise.reject(new Error('away'))

test('a batch that hangs makes the process stuck, although heartbeats go on', async () => {
  const hanging = Promise.withResolvers<number>()
  const { health, settled } = handled(() => hanging.promise)
  await vi.advanceTimersByTimeAsync(longestTimeout)
  expect(health.isAlive()).toBe(true)
  await vi.advanceTimersByTimeAsync(30_000)
  expect(health.isAlive()).toBe(false)
  hanging.resolve(1)
  await settled
  expect(health.isAlive()).toBe(true)
})

test('a step that hangs makes the process stuck, too', async () => {
  const hanging = Promise.withResolvers<number>()
  const { health, settled } = handled((retry) => retry((withServer) => withServer('Kafka', () => hanging.promise)))
  await vi.advanceTimersByTimeAsync(longestTimeout + 30_000)
  expect(health.isAlive()).toBe(false)
  hanging.resolve(1)
  await settled
})

test('an outage of ten minutes leaves the process alive and not ready: attempts that fail are progress', async () => {
  let isBack = false
  const { health, settled } = handled((retry) =>
    retry((withServer) => withServer('Postgres', () => (isBack ? Promise.resolve(1) : away()))),
  )
  health.connected(true)
  for (let seconds = 0; seconds < 600; seconds += 5) {
    await vi.advanceTimersByTimeAsync(5000)
    expect([health.isAlive(), health.isReady()]).toEqual([true, false])
  }
  isBack = true
  await vi.advanceTimersByTimeAsync(10_000)
  expect(await settled).toBe(1)
  expect(health.isReady()).toBe(true)
})

test('a batch whose partitions are lost makes no further step', async () => {
  const published = vi.fn<() => Promise<number>>(() => Promise.resolve(1))
  const { lost, settled } = handled((retry) =>
    retry(async (withServer) => {
      await withServer('Postgres', () => Promise.resolve().then(() => lost.abort(new Error('lost'))))
      return await withServer('Kafka', published)
    }),
  )
  expect(await settled).toBe('Error: lost')
  expect(published).not.toHaveBeenCalled()
})
