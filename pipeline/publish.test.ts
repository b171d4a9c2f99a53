import { setImmediate as breath } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { deadLetter, message, result } from '../test/made-up-outcomes.ts'
import { now } from './clock.ts'
import { readConfig } from './config.ts'
import type { Database } from './database.ts'
import { publish, type Publishing } from './publish.ts'
import { routeOf } from './route.ts'
import type { Sender } from './send.ts'

const route = routeOf(readConfig({}), 'add')

/** A broker that takes its time, and writes down when it was asked and when it answered. */
function watchedBroker() {
  const moments: Record<string, { asked: number; answered: number }> = {}
  const sender: Sender = {
    async send(topic, records) {
      const asked = now()
      await breath()
      moments[topic] = { asked, answered: now() }
      return records.map(({ partition }, index) => ({ partition, offset: BigInt(index), appendedAt: asked }))
    },
    close: () => Promise.resolve(),
  }
  const publishing: Publishing = {
    route,
    place: { stage: 'add', topic: 'start', target: 'stage2' },
    sender,
    // Nobody asks it: nothing is too large, and this is not the last stage.
    database: {} as Database,
    traceparent: () => undefined,
    patiently: (_, attempt) => attempt(),
  }
  return { moments, publishing }
}

test('results and dead letters each have the time of their own sending', async () => {
  const { moments, publishing } = watchedBroker()
  const saved = { results: [result(message(1))], deadLetters: [deadLetter(message(2))], copies: [] }
  const publication = await publish({ ...saved, redelivered: new Set() }, publishing)
  const [results, letters] = [moments[route.target], moments[route.deadLetters]]
  const inOrder = [
    results?.asked,
    results?.answered,
    publication.acknowledgedAt,
    publication.lettersSentAt,
    letters?.asked,
    letters?.answered,
    publication.lettersAcknowledgedAt,
  ].map(Number)
  expect(inOrder).toEqual(inOrder.toSorted((one, other) => one - other))
  expect(publication.results[0]?.sentAt).toBeLessThanOrEqual(Number(results?.asked))
})

test('how far the time of sending had to be lifted, to be no earlier than computing, is told', async () => {
  const { publishing } = watchedBroker()
  const ahead = { ...result(message(1)), computedAt: now() + 5000 }
  const saved = { results: [ahead, result(message(2))], deadLetters: [], copies: [] }
  const { results } = await publish({ ...saved, redelivered: new Set() }, publishing)
  expect(results.map(({ sentAt, sentSkewMs }) => sentAt - sentSkewMs)).toEqual([
    results[1]?.sentAt,
    results[1]?.sentAt,
  ])
  expect(results[0]?.sentAt).toBe(ahead.computedAt)
  expect(results[1]?.sentSkewMs).toBe(0)
})
