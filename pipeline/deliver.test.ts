import { expect, test, vi } from 'vitest'
import { deadLetter, message, result } from '../test/support/made-up-outcomes.ts'
import type { Outcome } from './compute.ts'
import { now } from '../telemetry/clock.ts'
import { readConfig } from './config.ts'
import type { Database } from '../sql/database.ts'
import { deliver, type DeliverOptions, type Publication, type StageContext } from './deliver.ts'
import type { Message } from './message.ts'
import { noProgress, type Sender } from '../kafka/producer.ts'
import { routeOf } from './route.ts'

const route = routeOf(readConfig({}), 'add')

/** A database whose statements all are one step. */
function fakeDatabase(query: () => Promise<unknown>): Database {
  const client = { query, on: () => client, off: () => client, release: () => undefined }
  return { query, connect: () => Promise.resolve(client) } as unknown as Database
}

/** A stage whose servers write down when they begin and end. */
function recordedStage(failing: readonly string[] = []) {
  const events: string[] = []
  const failures = [...failing]
  const step = async <T>(name: string, answer: T): Promise<T> => {
    events.push(`${name} begins`)
    await Promise.resolve()
    if (failures[0] === name) {
      failures.shift()
      throw new Error(`${name} failed`)
    }
    events.push(`${name} ends`)
    return answer
  }
  const sender: Sender = {
    async send(topic, records, { acknowledged } = noProgress()) {
      const asked = now()
      await step(`publish to ${topic}`, undefined)
      for (const record of records) acknowledged.set(record, { partition: 0, offset: 0n, appendedAt: asked })
      return records.map((record) => acknowledged.get(record))
    },
    close: () => Promise.resolve(),
  }
  const context: StageContext = {
    route,
    rows: { stage: 'add', target: route.target },
    database: fakeDatabase(() => step('save', { rows: [] })),
    sender,
    traceparentOf: () => undefined,
    compute: (one) => result(one),
  }
  const published: Publication[] = []
  const options: DeliverOptions = {
    retry: (attempt) => attempt((_, use) => use()),
    takeBusySeconds: () => 0,
    onPublished: (publication) => {
      events.push('measure')
      published.push(publication)
    },
    commit: () => step('commit', undefined),
  }
  return { events, context, options, published }
}

const [save, publish, commit] = ['save', `publish to ${route.target}`, 'commit'].map((name) => [
  `${name} begins`,
  `${name} ends`,
])

test('saves, then publishes, then measures, then commits, each after the one before has ended', async () => {
  const { events, context, options } = recordedStage()
  expect(await deliver([message(1)], context, options)).toBe(1)
  expect(events).toEqual([save, publish, 'measure', commit].flat())
})

test('after the last stage, what came through is recorded before it is committed', async () => {
  const { events, context, options } = recordedStage()
  await deliver([message(1)], { ...context, route: { ...route, isLast: true } }, options)
  expect(events).toEqual([save, publish, save, 'measure', commit].flat())
})

test('a result that is too large becomes a dead letter once, however often its sending is tried', async () => {
  const { context, options, published, events } = recordedStage([`publish to ${route.deadLetters}`])
  const { sender } = context
  const refusing: Sender = {
    ...sender,
    async send(topic, records, progress = noProgress()) {
      const metadata = await sender.send(topic, records, progress)
      for (const record of topic === route.target ? records : []) progress.acknowledged.set(record, undefined)
      return topic === route.target ? records.map(() => undefined) : metadata
    },
  }
  const retry: DeliverOptions['retry'] = (attempt) =>
    attempt((_, use) => use()).catch(() => attempt((_, use) => use()))
  await deliver([message(1)], { ...context, sender: refusing }, { ...options, retry })
  expect(published).toMatchObject([{ results: [], deadLetters: [{ reason: 'too-large' }] }])
  expect(events.filter((event) => event === 'save begins')).toHaveLength(2)
})

test('publishes nothing that is not saved', async () => {
  const { events, context, options } = recordedStage(['save'])
  await expect(deliver([message(1)], context, options)).rejects.toThrow('save failed')
  expect(events).toEqual(['save begins'])
})

test('commits nothing that is not published', async () => {
  const { events, context, options } = recordedStage([`publish to ${route.target}`])
  await expect(deliver([message(1)], context, options)).rejects.toThrow('failed')
  expect(events).toEqual([save, `publish to ${route.target} begins`].flat())
})

test('what a batch measured is told once, also when its commit fails', async () => {
  const { events, context, options } = recordedStage(['commit'])
  await expect(deliver([message(1)], context, options)).rejects.toThrow('commit failed')
  expect(events).toEqual([save, publish, 'measure', 'commit begins'].flat())
})

test('a batch that was saved is not saved again when publishing fails, and is not called redelivered', async () => {
  const { events, context, options, published } = recordedStage([
    `publish to ${route.target}`,
    `publish to ${route.deadLetters}`,
  ])
  const compute = vi.fn<(one: Message) => Outcome>((one) =>
    one.offset === '2' ? deadLetter(one) : result(one),
  )
  let attempts = 0
  const retry: DeliverOptions['retry'] = (attempt) =>
    attempt((_, use) => use()).catch((error: unknown) => {
      attempts += 1
      if (attempts > 2) throw error
      return retry(attempt)
    })
  await deliver([message(1), message(2)], { ...context, compute }, { ...options, retry })
  expect(compute).toHaveBeenCalledTimes(2)
  expect(events.filter((event) => event === 'save begins')).toHaveLength(1)
  expect(published).toMatchObject([
    { results: [{}], deadLetters: [{}], redelivered: new Set(), duplicates: [] },
  ])
})

test('how far the time of sending had to be lifted, to be no earlier than computing, is told', async () => {
  const { context, options, published } = recordedStage()
  const ahead = now() + 5000
  const compute = (one: Message) => (one.offset === '1' ? { ...result(one), computedAt: ahead } : result(one))
  await deliver([message(1), message(2)], { ...context, compute }, options)
  const [lifted, other] = published[0]?.results ?? []
  expect(lifted?.sentAt).toBe(ahead)
  expect(Number(lifted?.sentAt) - Number(lifted?.sentSkewMs)).toBe(other?.sentAt)
  expect(other?.sentSkewMs).toBe(0)
})

/** How many of so many messages are done at once, when each computes for so long and makes a body of so many characters. */
async function doneAtOnce(messages: number, ms: number, characters: number): Promise<number> {
  const { context, options } = recordedStage()
  const compute = (one: Message) => {
    for (const end = performance.now() + ms; performance.now() < end;);
    return result(one, ' '.repeat(characters))
  }
  return await deliver(
    Array.from({ length: messages }, (_, offset) => message(offset)),
    { ...context, compute },
    options,
  )
}

test('takes a whole batch when it is small and quick, and of a large one as much as is good for the heap', async () => {
  expect(await doneAtOnce(500, 0, 200)).toBe(500)
  expect(await doneAtOnce(1000, 0, 200)).toBe(500)
})

test('takes no more than the batch budget allows, so that a group never waits for it', async () => {
  const done = await doneAtOnce(100, 100, 10)
  expect(done).toBeGreaterThan(0)
  expect(done).toBeLessThan(15)
})

test('takes no more than fits into memory, however small the messages were', async () => {
  expect(await doneAtOnce(1000, 0, 100_000)).toBeLessThan(25)
})

test('takes at least one, however long it takes', async () => {
  expect(await doneAtOnce(2, 1100, 3_000_000)).toBe(1)
})
