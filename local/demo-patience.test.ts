import { expect, test } from 'vitest'
import { unlessAborted, untilDone } from './demo-patience.ts'

const never = new AbortController().signal

/** Sees one value after the other, then the last for ever. */
function seeing(...values: readonly (number | undefined)[]) {
  const left = [...values]
  return async () => (left.length > 1 ? left.shift() : left[0])
}

const patience = { progressOf: (seen: number) => seen, patienceMs: 100, everyMs: 10, signal: never }

test('it ends with what it saw when it is done', async () => {
  const done = untilDone({ ...patience, look: seeing(1, 2, 3), isDone: (seen) => seen === 2 })
  expect(await done).toBe(2)
})

test('it gives up when nothing moves for as long as its patience', async () => {
  const since = performance.now()
  expect(await untilDone({ ...patience, look: seeing(1, 2), isDone: () => false })).toBeUndefined()
  expect(performance.now() - since).toBeGreaterThanOrEqual(100)
})

test('what moves renews its patience', async () => {
  const steps = Array.from({ length: 30 }, (_, step) => step)
  expect(await untilDone({ ...patience, look: seeing(...steps), isDone: (seen) => seen === 29 })).toBe(29)
})

test('a look that sees nothing is no progress', async () => {
  const look = seeing(1, undefined)
  expect(await untilDone({ ...patience, look, isDone: () => false })).toBeUndefined()
})

test('it throws the reason when it is aborted', async () => {
  const ending = new AbortController()
  const waiting = untilDone({
    ...patience,
    patienceMs: Number.POSITIVE_INFINITY,
    look: seeing(1),
    isDone: () => false,
    signal: ending.signal,
  })
  const reason = new Error('enough')
  ending.abort(reason)
  await expect(waiting).rejects.toBe(reason)
})

test('work that hangs is not waited for once it is aborted', async () => {
  const ending = new AbortController()
  const hanging = unlessAborted(new Promise(() => {}), ending.signal)
  const reason = new Error('enough')
  ending.abort(reason)
  await expect(hanging).rejects.toBe(reason)
})
