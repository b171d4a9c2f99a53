import { expect, test } from 'vitest'
import { createCoalescer } from './batch-coalescer.ts'

/** Numbers are given; each is its own size. What is in work ends when the test says so. */
function watched(most: number, atOnce: number) {
  const lots: { readonly items: readonly number[]; readonly end: PromiseWithResolvers<void> }[] = []
  const give = createCoalescer<number>({
    handle: (items) => {
      const end = Promise.withResolvers<void>()
      lots.push({ items, end })
      return end.promise
    },
    sizeOf: (size) => size,
    maxSize: most,
    concurrency: atOnce,
  })
  return { lots, give, begun: () => lots.map(({ items }) => items) }
}

const tick = () => new Promise(setImmediate)

test('what is given at the same moment is done together, in its order', async () => {
  const { give, lots, begun } = watched(10, 2)
  const given = Promise.all([give(1), give(2), give(3)])
  await tick()
  expect(begun()).toEqual([[1, 2, 3]])
  lots[0]?.end.resolve()
  await given
})

test('a lot is no larger than allowed, unless it is one', async () => {
  const { give, begun } = watched(10, 9)
  for (const size of [4, 6, 1, 20, 3, 3]) void give(size)
  await tick()
  expect(begun()).toEqual([[4, 6], [1], [20], [3, 3]])
})

test('no more lots than allowed are in work; what waits for its turn is gathered', async () => {
  const { give, lots, begun } = watched(10, 2)
  for (const size of [8, 9]) void give(size)
  await tick()
  void give(1)
  await tick()
  void give(2)
  await tick()
  expect(begun()).toEqual([[8], [9]])
  lots[1]?.end.resolve()
  await tick()
  expect(begun()).toEqual([[8], [9], [1, 2]])
})

test('a lot that fails fails for each in it, and for nobody else', async () => {
  const { give, lots } = watched(10, 2)
  const given = Promise.allSettled([give(5), give(5), give(7)])
  await tick()
  lots[0]?.end.reject(new Error('no'))
  lots[1]?.end.resolve()
  expect((await given).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled'])
})

test('goes on after a lot that failed', async () => {
  const { give, lots, begun } = watched(10, 1)
  const failing = give(10)
  const next = give(2)
  await tick()
  lots[0]?.end.reject(new Error('no'))
  await expect(failing).rejects.toThrow('no')
  await tick()
  expect(begun()).toEqual([[10], [2]])
  lots[1]?.end.resolve()
  await next
})
