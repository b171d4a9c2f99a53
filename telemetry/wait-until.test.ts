import { afterEach, expect, test, vi } from 'vitest'
import { unlessAborted, WaitTimeout, waitUntil } from './wait-until.ts'

afterEach(() => vi.restoreAllMocks())

test('the first answer that is neither undefined nor false is returned', async () => {
  const answers = [undefined, false, 0]
  expect(await waitUntil('a number', () => answers.shift(), { timeoutMs: 1000, everyMs: 1 })).toBe(0)
})

test('waiting fails after its time, and says what it waited for', async () => {
  await expect(waitUntil('Kafka', () => false, { timeoutMs: 5, everyMs: 1 })).rejects.toThrow('Kafka: not after')
})

test('progress is worth waiting for: the time is counted anew', async () => {
  let [step, time] = [0, 0]
  vi.spyOn(performance, 'now').mockImplementation(() => (time += 8))
  const isDone = () => (step += 1) > 20
  const options = { timeoutMs: 20, everyMs: 1, progress: () => step }
  expect(await waitUntil('twenty steps', isDone, options)).toBe(true)
})

test('a signal ends the waiting, and so does an error', async () => {
  const signal = AbortSignal.timeout(5)
  await expect(waitUntil('never', () => false, { timeoutMs: 60_000, signal })).rejects.toThrow('timeout')
  const failing = () => Promise.reject(new Error('refused'))
  await expect(waitUntil('an answer', failing, { timeoutMs: 1000 })).rejects.toThrow('refused')
})

test('the reason of an aborted signal is thrown as it is', async () => {
  const reason = new Error('interrupted')
  const ending = new AbortController()
  const waiting = waitUntil('never', () => false, { timeoutMs: 60_000, signal: ending.signal })
  ending.abort(reason)
  await expect(waiting).rejects.toBe(reason)
})

test('a timeout can be told from other errors', async () => {
  await expect(waitUntil('never', () => false, { timeoutMs: 1, everyMs: 1 })).rejects.toThrow(WaitTimeout)
})

test('work that hangs is not awaited after an abort', async () => {
  const ending = new AbortController()
  const hanging = unlessAborted(new Promise(() => {}), ending.signal)
  const reason = new Error('enough')
  ending.abort(reason)
  await expect(hanging).rejects.toBe(reason)
})
