import { expect, test } from 'vitest'
import { createCoalescer } from './batch-coalescer.ts'

/** A coalescer of numbers, each of which is its own size. The test ends each call of `handle`. */
function controlled(maxSize: number, concurrency: number) {
  const calls: { readonly items: readonly number[]; readonly end: PromiseWithResolvers<void> }[] = []
  const add = createCoalescer<number>({
    handle: (items) => {
      const end = Promise.withResolvers<void>()
      calls.push({ items, end })
      return end.promise
    },
    sizeOf: (size) => size,
    maxSize,
    concurrency,
  })
  return { calls, add, begun: () => calls.map(({ items }) => items) }
}

const tick = () => new Promise(setImmediate)

test('items that are added in the same tick are handled together, in their order', async () => {
  const { add, calls, begun } = controlled(10, 2)
  const added = Promise.all([add(1), add(2), add(3)])
  await tick()
  expect(begun()).toEqual([[1, 2, 3]])
  calls[0]?.end.resolve()
  await added
})

test('a call has no more than the largest size, unless it has one item', async () => {
  const { add, begun } = controlled(10, 9)
  for (const size of [4, 6, 1, 20, 3, 3]) void add(size)
  await tick()
  expect(begun()).toEqual([[4, 6], [1], [20], [3, 3]])
})

test('no more calls than allowed run at the same time; items that wait are coalesced', async () => {
  const { add, calls, begun } = controlled(10, 2)
  for (const size of [8, 9]) void add(size)
  await tick()
  void add(1)
  await tick()
  void add(2)
  await tick()
  expect(begun()).toEqual([[8], [9]])
  calls[1]?.end.resolve()
  await tick()
  expect(begun()).toEqual([[8], [9], [1, 2]])
})

test('a call that fails rejects the promise of each of its items, and no other', async () => {
  const { add, calls } = controlled(10, 2)
  const added = Promise.allSettled([add(5), add(5), add(7)])
  await tick()
  calls[0]?.end.reject(new Error('no'))
  calls[1]?.end.resolve()
  expect((await added).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled'])
})

test('the next call runs after one that failed', async () => {
  const { add, calls, begun } = controlled(10, 1)
  const failing = add(10)
  const next = add(2)
  await tick()
  calls[0]?.end.reject(new Error('no'))
  await expect(failing).rejects.toThrow('no')
  await tick()
  expect(begun()).toEqual([[10], [2]])
  calls[1]?.end.resolve()
  await next
})
