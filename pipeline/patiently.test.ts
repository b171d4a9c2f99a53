import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createHealth } from './health.ts'
import { createLog } from './log.ts'
import { createWaiting, patiently } from './patiently.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function patience() {
  const stopping = new AbortController()
  const log = createLog('silent', {})
  const said = { warn: vi.spyOn(log, 'warn'), info: vi.spyOn(log, 'info') }
  return { stopping, said, given: { log, health: createHealth(), signal: stopping.signal } }
}

const away = () => Promise.reject(new Error('away'))

test('the pauses grow to five seconds', async () => {
  const { given, stopping } = patience()
  const times: number[] = []
  const attempt = () => {
    times.push(performance.now())
    return away()
  }
  const waiting = patiently('Kafka', attempt, given).catch(String)
  await vi.advanceTimersByTimeAsync(60_000)
  stopping.abort(new Error('over'))
  expect(await waiting).toBe('Error: over')
  const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0))
  expect(pauses[0]).toBeLessThanOrEqual(100)
  expect(Math.max(...pauses)).toBeLessThanOrEqual(5000)
  expect(Math.min(...pauses.slice(6))).toBeGreaterThanOrEqual(2500)
})

test('every attempt that failed is told, and once that the server works again', async () => {
  const told: string[] = []
  const listener = {
    failed: (what: string) => void told.push(`${what} failed`),
    worksAgain: (what: string) => void told.push(`${what} works`),
  }
  const given = { ...patience().given, health: createHealth(undefined, listener) }
  const answers = [away, away, () => Promise.resolve('done'), () => Promise.resolve('done')]
  const attempt = () => answers.shift()?.() ?? away()
  const all = [patiently('Kafka', attempt, given), patiently('Kafka', attempt, given)]
  await vi.advanceTimersByTimeAsync(1000)
  expect(await Promise.all(all)).toEqual(['done', 'done'])
  expect(told).toEqual(['Kafka failed', 'Kafka failed', 'Kafka works'])
})

test('many who wait for one server say once that it is away, and once that it is back', async () => {
  const { given, said } = patience()
  let isBack = false
  const attempt = () => (isBack ? Promise.resolve('done') : away())
  const all = Promise.all([1, 2, 3].map(() => patiently('Kafka', attempt, given)))
  await vi.advanceTimersByTimeAsync(30_000)
  expect(given.health.isAlive()).toBe(true)
  isBack = true
  await vi.advanceTimersByTimeAsync(10_000)
  expect(await all).toEqual(['done', 'done', 'done'])
  expect(said.warn).toHaveBeenCalledTimes(1)
  expect(said.info).toHaveBeenCalledTimes(1)
})

test('a server that does not answer at all is an outage too', async () => {
  const { given, said } = patience()
  given.health.connected(true)
  const answer = Promise.withResolvers<string>()
  const waiting = patiently('Kafka', () => answer.promise, given)
  await vi.advanceTimersByTimeAsync(9000)
  expect(given.health.isReady()).toBe(true)
  await vi.advanceTimersByTimeAsync(120_000)
  expect([given.health.isAlive(), given.health.isReady()]).toEqual([true, false])
  answer.resolve('done')
  expect(await waiting).toBe('done')
  expect(given.health.isReady()).toBe(true)
  expect([said.warn.mock.calls.length, said.info.mock.calls.length]).toEqual([1, 1])
})

test('a process that stops finishes what is under way, and waits no more', async () => {
  const { given, stopping } = patience()
  const work = Promise.withResolvers<string>()
  const finished = patiently('Kafka', () => work.promise, given)
  const waiting = patiently('Kafka', away, given).catch(String)
  stopping.abort(new Error('stop'))
  work.resolve('done')
  expect(await finished).toBe('done')
  expect(await waiting).toBe('Error: stop')
})

test('what is hopeless, or a mistake in the code, is not tried again', async () => {
  const { given } = patience()
  const hopeless = vi.fn<() => Promise<never>>(away)
  await expect(patiently('Kafka', hopeless, given, () => true)).rejects.toThrow('away')
  expect(hopeless).toHaveBeenCalledTimes(1)
  await expect(patiently('Kafka', () => Promise.reject(new TypeError('oops')), given)).rejects.toThrow('oops')
})

test('who goes on waiting after the attempt works says only once that it fails, and at the end that it works', async () => {
  const { given, said } = patience()
  const kafka = createWaiting('Kafka', given)
  const waiting = { ...kafka, works: () => {}, end: () => {} }
  const answers = [away, () => Promise.resolve('connected')]
  const connecting = patiently('Kafka', () => answers.shift()?.() ?? away(), { ...given, waiting })
  await vi.advanceTimersByTimeAsync(1000)
  expect(await connecting).toBe('connected')
  expect(given.health.isReady()).toBe(false)
  kafka.failed(new Error('no coordinator yet'))
  expect(said.info).not.toHaveBeenCalled()
  kafka.works()
  expect(said.warn).toHaveBeenCalledTimes(1)
  expect(said.info).toHaveBeenCalledTimes(1)
})
