import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createHealth } from '../telemetry/health.ts'
import { createLog } from '../telemetry/log.ts'
import { createOutageTracker, retryForever, type RetryOptions } from './retry.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Attempts that are one step with one server. */
const retry = <T>(server: string, step: () => Promise<T>, options: RetryOptions) =>
  retryForever((using) => using(server, step), options)

function given() {
  const stopping = new AbortController()
  const log = createLog('silent', {})
  const said = { warn: vi.spyOn(log, 'warn'), info: vi.spyOn(log, 'info') }
  return { stopping, said, options: { log, health: createHealth(), signal: stopping.signal } }
}

const away = () => Promise.reject(new Error('away'))

test('the pauses grow to five seconds', async () => {
  const { options, stopping } = given()
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
  expect(Math.max(...pauses)).toBeLessThanOrEqual(5000)
  expect(Math.min(...pauses.slice(6))).toBeGreaterThanOrEqual(2500)
})

test('every attempt that failed is told, and once that the server works again', async () => {
  const told: string[] = []
  const listener = {
    failed: (what: string) => void told.push(`${what} failed`),
    worksAgain: (what: string) => void told.push(`${what} works`),
  }
  const options = { ...given().options, health: createHealth(undefined, listener) }
  const answers = [away, away, () => Promise.resolve('done'), () => Promise.resolve('done')]
  const attempt = () => answers.shift()?.() ?? away()
  const all = [retry('Kafka', attempt, options), retry('Kafka', attempt, options)]
  await vi.advanceTimersByTimeAsync(1000)
  expect(await Promise.all(all)).toEqual(['done', 'done'])
  expect(told).toEqual(['Kafka failed', 'Kafka failed', 'Kafka works'])
})

test('many who wait for one server say once that it is away, and once that it is back', async () => {
  const { options, said } = given()
  let isBack = false
  const attempt = () => (isBack ? Promise.resolve('done') : away())
  const all = Promise.all([1, 2, 3].map(() => retry('Kafka', attempt, options)))
  await vi.advanceTimersByTimeAsync(30_000)
  expect(options.health.isAlive()).toBe(true)
  isBack = true
  await vi.advanceTimersByTimeAsync(10_000)
  expect(await all).toEqual(['done', 'done', 'done'])
  expect(said.warn).toHaveBeenCalledTimes(1)
  expect(said.info).toHaveBeenCalledTimes(1)
})

test('a server that does not answer at all is an outage too', async () => {
  const { options, said } = given()
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
  expect([said.warn.mock.calls.length, said.info.mock.calls.length]).toEqual([1, 1])
})

test('a process that stops finishes what is under way, and waits no more', async () => {
  const { options, stopping } = given()
  const work = Promise.withResolvers<string>()
  const finished = retry('Kafka', () => work.promise, options)
  const waiting = retry('Kafka', away, options).catch(String)
  stopping.abort(new Error('stop'))
  work.resolve('done')
  expect(await finished).toBe('done')
  expect(await waiting).toBe('Error: stop')
})

test('what is hopeless, or a mistake in the code, is not tried again', async () => {
  const { options } = given()
  const hopeless = vi.fn<() => Promise<never>>(away)
  await expect(retry('Kafka', hopeless, { ...options, isPermanent: () => true })).rejects.toThrow('away')
  expect(hopeless).toHaveBeenCalledTimes(1)
  await expect(retry('Kafka', () => Promise.reject(new TypeError('oops')), options)).rejects.toThrow('oops')
})

test('who goes on waiting after the attempt works says only once that it fails, and at the end that it works', async () => {
  const { options, said } = given()
  const kafka = createOutageTracker('Kafka', options)
  const tracker = { ...kafka, works: () => {}, end: () => {} }
  const answers = [away, () => Promise.resolve('connected')]
  const connecting = retry('Kafka', () => answers.shift()?.() ?? away(), { ...options, tracker })
  await vi.advanceTimersByTimeAsync(1000)
  expect(await connecting).toBe('connected')
  expect(options.health.isReady()).toBe(false)
  kafka.failed(new Error('no coordinator yet'))
  expect(said.info).not.toHaveBeenCalled()
  kafka.works()
  expect(said.warn).toHaveBeenCalledTimes(1)
  expect(said.info).toHaveBeenCalledTimes(1)
})

test('of an attempt with several steps each server is told by what its own steps do', async () => {
  const { options, said } = given()
  let failures = 2
  const kafka = () => ((failures -= 1) >= 0 ? away() : Promise.resolve('sent'))
  const postgres = vi.fn<() => Promise<string>>(() => Promise.resolve('saved'))
  const onProgress = vi.fn<() => void>()
  const attempt: Parameters<typeof retryForever<string>>[0] = async (using) => {
    await using('Postgres', postgres)
    return await using('Kafka', kafka)
  }
  const done = retryForever(attempt, { ...options, onProgress })
  await vi.advanceTimersByTimeAsync(1000)
  expect(await done).toBe('sent')
  expect(postgres).toHaveBeenCalledTimes(3)
  expect(said.warn.mock.calls.map(([line]) => line)).toEqual([expect.stringMatching(/^Kafka failed: away/)])
  expect(said.info.mock.calls.map(([line]) => line)).toEqual([expect.stringMatching(/^Kafka works again/)])
  // Six steps, each with a begin and an end.
  expect(onProgress).toHaveBeenCalledTimes(12)
})
