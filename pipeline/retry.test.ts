import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createHealth } from '../telemetry/health.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { createLog } from '../telemetry/log.ts'
import { createOutageTracker, failuresOnly, retryForever, type RetryOptions } from './retry.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Attempts that are one step with one server. */
const retry = <T>(server: string, step: () => Promise<T>, options: RetryOptions) =>
  retryForever((withServer) => withServer(server, step), options)

function setUp() {
  const stopping = new AbortController()
  const log = createLog('silent', {})
  const logged = { warn: vi.spyOn(log, 'warn'), info: vi.spyOn(log, 'info') }
  return { stopping, logged, options: { log, health: createHealth(), signal: stopping.signal } }
}

const away = () => Promise.reject(new Error('away'))

test('the pauses grow to two seconds', async () => {
  const { options, stopping } = setUp()
  const times: number[] = []
  const attempt = () => {
    times.push(performance.now())
    return away()
  }
  const waiting = retry('Kafka', attempt, options).catch(String)
  await vi.advanceTimersByTimeAsync(60_000)
  stopping.abort(new Error('over'))
  expect(await waiting).toBe('Error: over')
  const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0))
  expect(pauses[0]).toBeLessThanOrEqual(100)
  expect(Math.max(...pauses)).toBeLessThanOrEqual(2000)
  expect(Math.min(...pauses.slice(6))).toBeGreaterThanOrEqual(1000)
})

test('every attempt that failed is reported, and once that the server works again', async () => {
  const metrics = createMetrics({ stage: 'lcm', position: 3 })
  const options = { ...setUp().options, health: createHealth(metrics) }
  const answers = [away, away, () => Promise.resolve('done'), () => Promise.resolve('done')]
  const attempt = () => answers.shift()?.() ?? away()
  const all = [retry('Kafka', attempt, options), retry('Kafka', attempt, options)]
  await vi.advanceTimersByTimeAsync(1000)
  expect(await Promise.all(all)).toEqual(['done', 'done'])
  const { text } = await metrics.page('')
  expect(text).toMatch(/^throughline_retries_total\{server="Kafka",.*\} 2$/m)
  expect(text).toMatch(/^throughline_reconnects_total\{server="Kafka",.*\} 1$/m)
})

test('many calls that wait for one server log once that it failed, and once that it works again', async () => {
  const { options, logged } = setUp()
  let isBack = false
  const attempt = () => (isBack ? Promise.resolve('done') : away())
  const all = Promise.all([1, 2, 3].map(() => retry('Kafka', attempt, options)))
  await vi.advanceTimersByTimeAsync(30_000)
  expect(options.health.isAlive()).toBe(true)
  isBack = true
  await vi.advanceTimersByTimeAsync(10_000)
  expect(await all).toEqual(['done', 'done', 'done'])
  expect(logged.warn).toHaveBeenCalledTimes(1)
  expect(logged.info).toHaveBeenCalledTimes(1)
})

test('a server that does not answer at all is an outage too', async () => {
  const { options, logged } = setUp()
  options.health.connected(true)
  const answer = Promise.withResolvers<string>()
  const waiting = retry('Kafka', () => answer.promise, options)
  await vi.advanceTimersByTimeAsync(9000)
  expect(options.health.isReady()).toBe(true)
  await vi.advanceTimersByTimeAsync(120_000)
  expect([options.health.isAlive(), options.health.isReady()]).toEqual([true, false])
  answer.resolve('done')
  expect(await waiting).toBe('done')
  expect(options.health.isReady()).toBe(true)
  expect([logged.warn.mock.calls.length, logged.info.mock.calls.length]).toEqual([1, 1])
})

test('a process that stops finishes the attempt under way, and retries no more', async () => {
  const { options, stopping } = setUp()
  const work = Promise.withResolvers<string>()
  const finished = retry('Kafka', () => work.promise, options)
  const waiting = retry('Kafka', away, options).catch(String)
  stopping.abort(new Error('stop'))
  work.resolve('done')
  expect(await finished).toBe('done')
  expect(await waiting).toBe('Error: stop')
})

test('a permanent error, or a mistake in the code, is not tried again', async () => {
  const { options } = setUp()
  const permanent = vi.fn<() => Promise<never>>(away)
  await expect(retry('Kafka', permanent, { ...options, isPermanent: () => true })).rejects.toThrow('away')
  expect(permanent).toHaveBeenCalledTimes(1)
  await expect(retry('Kafka', () => Promise.reject(new TypeError('oops')), options)).rejects.toThrow('oops')
})

test('a tracker that outlives its attempts logs the outage once, and its end once', async () => {
  const { options, logged } = setUp()
  const kafka = createOutageTracker('Kafka', options)
  const tracker = failuresOnly(kafka)
  const answers = [away, () => Promise.resolve('connected')]
  const connecting = retry('Kafka', () => answers.shift()?.() ?? away(), { ...options, tracker })
  await vi.advanceTimersByTimeAsync(1000)
  expect(await connecting).toBe('connected')
  expect(options.health.isReady()).toBe(false)
  kafka.failed(new Error('no coordinator yet'))
  expect(logged.info).not.toHaveBeenCalled()
  kafka.recovered()
  expect(logged.warn).toHaveBeenCalledTimes(1)
  expect(logged.info).toHaveBeenCalledTimes(1)
})

test('in an attempt with several steps each server is tracked by its own steps', async () => {
  const { options, logged } = setUp()
  let failures = 2
  const kafka = () => ((failures -= 1) >= 0 ? away() : Promise.resolve('sent'))
  const postgres = vi.fn<() => Promise<string>>(() => Promise.resolve('saved'))
  const onProgress = vi.fn<() => void>()
  const attempt: Parameters<typeof retryForever<string>>[0] = async (withServer) => {
    await withServer('Postgres', postgres)
    return await withServer('Kafka', kafka)
  }
  const done = retryForever(attempt, { ...options, onProgress })
  await vi.advanceTimersByTimeAsync(1000)
  expect(await done).toBe('sent')
  expect(postgres).toHaveBeenCalledTimes(3)
  expect(logged.warn.mock.calls.map(([line]) => line)).toEqual([expect.stringMatching(/^Kafka failed: away/)])
  expect(logged.info.mock.calls.map(([line]) => line)).toEqual([expect.stringMatching(/^Kafka works again/)])
  // Six steps, each with a begin and an end.
  expect(onProgress).toHaveBeenCalledTimes(12)
})
