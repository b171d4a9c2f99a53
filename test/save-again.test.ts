import { expect, test } from 'vitest'
import { save } from '../pipeline/save.ts'
import { freshPipeline } from './fresh-pipeline.ts'
import { message, result } from './made-up-outcomes.ts'

test('of many batches that come again only the first costs a connection, until there is something new', async () => {
  await using pipeline = await freshPipeline()
  const { database } = pipeline
  const place = { stage: 'add', topic: 'start', target: 'next' }
  const batches = [1, 2, 3].map((offset) => [result(message(offset))])
  let connections = 0
  database.on('connect', () => {
    connections += 1
  })
  const saveAll = async () => {
    const sizes: number[] = []
    for (const batch of batches) sizes.push((await save(database, place, batch)).redelivered.size)
    return sizes
  }
  await saveAll()
  connections = 0
  expect(await saveAll()).toEqual([1, 1, 1])
  expect(connections).toBe(1)
  await save(database, place, [result(message(4))])
  // The next is taken for new again.
  expect(await saveAll()).toEqual([1, 1, 1])
  expect(connections).toBe(2)
})
