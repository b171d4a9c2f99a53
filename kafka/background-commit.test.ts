import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createBackgroundCommit } from './background-commit.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

/** A consumer whose only partition is resolved up to an offset, and the commits that it sends. */
function fakeConsumer() {
  const sent: { readonly offset: number; readonly answer: PromiseWithResolvers<void> }[] = []
  const state = { resolved: 0, committed: 0 }
  const stopping = new AbortController()
  const offsets = () => ({ topics: state.resolved === state.committed ? [] : [{ topic: 'start', partitions: [] }] })
  const commitOffsetsIfNecessary = async () => {
    const { resolved: offset } = state
    const answer = Promise.withResolvers<void>()
    sent.push({ offset, answer })
    await answer.promise
    state.committed = offset
  }
  const outage = { failed: vi.fn<(error: Error) => void>(), recovered: vi.fn<() => void>(), end: vi.fn<() => void>() }
  const commit = createBackgroundCommit(stopping.signal, outage)
  const resolve = (offset: number) => {
    state.resolved = offset
    commit.soon({ uncommittedOffsets: offsets, commitOffsetsIfNecessary })
  }
  const answer = async (index: number, error?: Error) => {
    if (error === undefined) sent[index]?.answer.resolve()
    else sent[index]?.answer.reject(error)
    await vi.advanceTimersByTimeAsync(0)
  }
  return { state, outage, commit, resolve, answer, stopping, offsets: () => sent.map(({ offset }) => offset) }
}

test('messages of a tenth of a second are committed by one request', async () => {
  const { resolve, answer, offsets } = fakeConsumer()
  for (const offset of [1, 2, 3]) {
    resolve(offset)
    await vi.advanceTimersByTimeAsync(30)
  }
  expect(offsets()).toEqual([])
  await vi.advanceTimersByTimeAsync(10)
  expect(offsets()).toEqual([3])
  await answer(0)
  await vi.advanceTimersByTimeAsync(5000)
  expect(offsets()).toEqual([3])
})

test('a commit waits for the answer to the one before, so that offsets never go back', async () => {
  const { resolve, answer, offsets } = fakeConsumer()
  resolve(1)
  await vi.advanceTimersByTimeAsync(100)
  resolve(2)
  await vi.advanceTimersByTimeAsync(1000)
  expect(offsets()).toEqual([1])
  await answer(0)
  expect(offsets()).toEqual([1, 2])
})

test('after a failed commit no message is handled until it is repeated with success', async () => {
  const { outage, commit, resolve, answer, offsets } = fakeConsumer()
  resolve(1)
  await vi.advanceTimersByTimeAsync(100)
  // A batch that was in work meanwhile.
  resolve(2)
  await answer(0, new Error('Broker not connected'))
  expect(commit.failure()?.message).toBe('Broker not connected')
  await vi.advanceTimersByTimeAsync(1000)
  expect(offsets()).toEqual([1, 2])
  expect(outage.failed).not.toHaveBeenCalled()
  await answer(1, new Error('Broker not connected again'))
  expect(outage.failed.mock.calls).toEqual([[new Error('Broker not connected again')]])
  await vi.advanceTimersByTimeAsync(1000)
  await answer(2)
  expect(outage.recovered).toHaveBeenCalledOnce()
  expect(commit.failure()).toBeUndefined()
})

test('a commit without an answer is a failed one', async () => {
  const { commit, resolve } = fakeConsumer()
  resolve(1)
  await vi.advanceTimersByTimeAsync(91_000)
  expect(commit.failure()?.message).toBe('no answer to OffsetCommit for 90 s')
})

test('a failure ends when nothing is left to commit', async () => {
  const { state, outage, commit, resolve, answer } = fakeConsumer()
  resolve(1)
  await vi.advanceTimersByTimeAsync(100)
  await answer(0, new Error('no answer'))
  // The broker had it all the same.
  state.committed = 1
  await vi.advanceTimersByTimeAsync(1000)
  expect(commit.failure()).toBeUndefined()
  expect(outage.recovered).toHaveBeenCalledOnce()
})

test('flush commits at once, and settles when the broker has answered', async () => {
  const { commit, resolve, answer, offsets } = fakeConsumer()
  resolve(1)
  let isSettled = false
  void commit.flush().then(() => (isSettled = true))
  await vi.advanceTimersByTimeAsync(0)
  expect([offsets(), isSettled]).toEqual([[1], false])
  await answer(0)
  expect(isSettled).toBe(true)
})

test('a process that stops does not repeat a commit', async () => {
  const { resolve, answer, offsets, stopping } = fakeConsumer()
  resolve(1)
  await vi.advanceTimersByTimeAsync(100)
  stopping.abort()
  await answer(0, new Error('Broker not connected'))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(offsets()).toEqual([1])
})

test('when the group was joined anew, nothing of before is committed and no failure remains', async () => {
  const { outage, commit, resolve, answer, offsets } = fakeConsumer()
  resolve(1)
  await vi.advanceTimersByTimeAsync(100)
  commit.reset()
  expect(outage.end).toHaveBeenCalledOnce()
  await answer(0, new Error('The coordinator is not aware of this member'))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(offsets()).toEqual([1])
  expect(commit.failure()).toBeUndefined()
})

test('what was resolved before the group was joined anew is not committed after it', async () => {
  const { commit, resolve, offsets } = fakeConsumer()
  resolve(1)
  const before = commit.joins()
  commit.reset()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(offsets()).toEqual([])
  expect(commit.joins()).toBe(before + 1)
})

test('after a join a commit does not wait for one of before that has no answer', async () => {
  const { commit, resolve, offsets } = fakeConsumer()
  resolve(1)
  await vi.advanceTimersByTimeAsync(100)
  commit.reset()
  resolve(2)
  await vi.advanceTimersByTimeAsync(100)
  expect(offsets()).toEqual([1, 2])
})
