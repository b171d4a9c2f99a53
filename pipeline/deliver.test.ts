import { expect, test, vi } from 'vitest'
import { deadLetter, message, result } from '../test/support/data/outcomes.fixture.ts'
import type { Message, Outcome } from '../sql/outcome.ts'
import { now } from '../telemetry/time.ts'
import { readConfig } from './config.ts'
import type { Database } from '../sql/database.ts'
import { deliver, type PublishedBatch, type StageContext } from './deliver.ts'
import type { Retry } from './retry.ts'
import { noProgress, type Sender } from '../kafka/producer.ts'
import { routeOf } from './route.ts'

const route = routeOf(readConfig({}), '1')

/** A database for which each statement is one step. */
function fakeDatabase(query: () => Promise<unknown>): Database {
  const client = { query, on: () => client, off: () => client, release: () => undefined }
  return { query, connect: () => Promise.resolve(client) } as unknown as Database
}

/** A stage whose servers record when a step begins and ends. */
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
  const published: PublishedBatch[] = []
  const context: StageContext = {
    route,
    database: fakeDatabase(() => step('save', { rows: [] })),
    sender,
    traceparentOf: () => undefined,
    compute: (one) => result(one),
    takeBusySeconds: () => 0,
    onPublished: (batch) => {
      events.push('measure')
      published.push(batch)
    },
  }
  const retry: Retry = (attempt) => attempt((_, use) => use())
  const options = { retry, commit: () => void events.push('commit') }
  return { events, context, options, published }
}

const deliverBatch = (
  messages: readonly Message[],
  context: StageContext,
  { retry, commit }: ReturnType<typeof recordedStage>['options'],
  signal = new AbortController().signal,
) => deliver({ messages, signal, commit }, retry, context)

const [save, publish] = ['save', `publish to ${route.target}`].map((name) => [`${name} begins`, `${name} ends`])

test('saves, then publishes, then measures, then commits, each after the one before has ended', async () => {
  const { events, context, options } = recordedStage()
  expect(await deliverBatch([message(1)], context, options)).toBe(1)
  expect(events).toEqual([save, publish, 'measure', 'commit'].flat())
})

test('after the last stage the row in finished is inserted before the commit', async () => {
  const { events, context, options } = recordedStage()
  await deliverBatch([message(1)], { ...context, route: { ...route, isLast: true } }, options)
  expect(events).toEqual([save, publish, save, 'measure', 'commit'].flat())
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
  const retry: Retry = (attempt) => attempt((_, use) => use()).catch(() => attempt((_, use) => use()))
  await deliverBatch([message(1)], { ...context, sender: refusing }, { ...options, retry })
  expect(published).toMatchObject([{ results: [], deadLetters: [{ reason: 'too-large' }] }])
  expect(events.filter((event) => event === 'save begins')).toHaveLength(2)
})

test('publishes nothing that is not saved', async () => {
  const { events, context, options } = recordedStage(['save'])
  await expect(deliverBatch([message(1)], context, options)).rejects.toThrow('save failed')
  expect(events).toEqual(['save begins'])
})

test('commits nothing that is not published', async () => {
  const { events, context, options } = recordedStage([`publish to ${route.target}`])
  await expect(deliverBatch([message(1)], context, options)).rejects.toThrow('failed')
  expect(events).toEqual([save, `publish to ${route.target} begins`].flat())
})

test('a batch that was saved is not saved again when publishing fails, and is not called redelivered', async () => {
  const { events, context, options, published } = recordedStage([
    `publish to ${route.target}`,
    `publish to ${route.deadLetters}`,
  ])
  const compute = vi.fn<(one: Message) => Outcome>((one) => (one.offset === '2' ? deadLetter(one) : result(one)))
  let attempts = 0
  const retry: Retry = (attempt) =>
    attempt((_, use) => use()).catch((error: unknown) => {
      attempts += 1
      if (attempts > 2) throw error
      return retry(attempt)
    })
  await deliverBatch([message(1), message(2)], { ...context, compute }, { ...options, retry })
  expect(compute).toHaveBeenCalledTimes(2)
  expect(events.filter((event) => event === 'save begins')).toHaveLength(1)
  expect(published).toMatchObject([{ results: [{}], deadLetters: [{}], redelivered: new Set(), duplicates: [] }])
})

test('the milliseconds added to the time of sending, to be no earlier than computing, are reported', async () => {
  const { context, options, published } = recordedStage()
  const ahead = now() + 5000
  const compute = (one: Message) => (one.offset === '1' ? { ...result(one), computedAt: ahead } : result(one))
  await deliverBatch([message(1), message(2)], { ...context, compute }, options)
  const [lifted, other] = published[0]?.results ?? []
  expect(lifted?.sentAt).toBe(ahead)
  expect(Number(lifted?.sentAt) - Number(lifted?.sentSkewMs)).toBe(other?.sentAt)
  expect(other?.sentSkewMs).toBe(0)
})

/** How many messages are done at once, when each computes for `ms` and makes a body of `characters`. */
async function doneAtOnce(messages: number, ms: number, characters: number): Promise<number> {
  const { context, options } = recordedStage()
  const compute = (one: Message) => {
    for (const end = performance.now() + ms; performance.now() < end;);
    return result(one, ' '.repeat(characters))
  }
  return await deliverBatch(
    Array.from({ length: messages }, (_, offset) => message(offset)),
    { ...context, compute },
    options,
  )
}

test('a small and quick batch is delivered as a whole, a large one up to 500 messages', async () => {
  expect(await doneAtOnce(500, 0, 200)).toBe(500)
  expect(await doneAtOnce(1000, 0, 200)).toBe(500)
})

test('no more messages are computed than the time for computing allows', async () => {
  const done = await doneAtOnce(100, 100, 10)
  expect(done).toBeGreaterThan(0)
  expect(done).toBeLessThan(15)
})

test('no more results are made than the budget of characters allows, however small the messages were', async () => {
  expect(await doneAtOnce(1000, 0, 100_000)).toBeLessThan(25)
})

test('at least one message is delivered, however long it computes', async () => {
  expect(await doneAtOnce(2, 1100, 3_000_000)).toBe(1)
})

test('of a stage that asks other systems, as many messages as it says are computed at once, and rows keep the order', async () => {
  const { context, options, published } = recordedStage()
  let [running, most] = [0, 0]
  const slow: StageContext = {
    ...context,
    route: { ...route, stage: { ...route.stage, external: { concurrency: 3 } } },
    async compute(one) {
      most = Math.max(most, (running += 1))
      await new Promise((resolve) => setTimeout(resolve, 20 - Number(one.offset)))
      running -= 1
      return result(one)
    },
  }
  const messages = [1, 2, 3, 4, 5, 6, 7].map((offset) => message(offset))
  await deliverBatch(messages, slow, options)
  expect(most).toBe(3)
  expect(published[0]?.results.map((one) => one.message.offset)).toEqual(messages.map(({ offset }) => offset))
})

test('a process that stops ends the work that asks other systems, and delivers what was done before it', async () => {
  const { context, options, published } = recordedStage()
  const stopping = new AbortController()
  const asking: StageContext = {
    ...context,
    route: { ...route, stage: { ...route.stage, external: { concurrency: 2 } } },
    async compute(one, signal) {
      if (one.offset < '3') return result(one)
      stopping.abort(new Error('Stopped'))
      return await Promise.reject(signal.reason as Error)
    },
  }
  const messages = [1, 2, 3, 4, 5].map((offset) => message(offset))
  expect(await deliverBatch(messages, asking, options, stopping.signal)).toBe(2)
  expect(published[0]?.results).toHaveLength(2)
  await expect(deliverBatch(messages.slice(2), asking, options, stopping.signal)).rejects.toThrow('Stopped')
})
