import { resourceFromAttributes } from '@opentelemetry/resources'
import { expect, test } from 'vitest'
import { readConfig } from '../pipeline/config.ts'
import { traceIdOf } from '../pipeline/message.ts'
import type { Publication } from '../pipeline/deliver.ts'
import type { Published } from '../pipeline/publish.ts'
import { routeOf } from '../pipeline/route.ts'
import { spanId } from '../pipeline/span-ids.ts'
import { deadLetter, message, result } from '../test/made-up-outcomes.ts'
import { spansOf } from './stage-spans.ts'

const route = routeOf(readConfig({}), 'add')
const resource = resourceFromAttributes({ 'service.name': 'add' })
const nothing = { results: [], deadLetters: [], redelivered: new Set<never>(), duplicates: [] }

const good = result(message(1))
const bad = deadLetter(message(2))
const { computedAt } = good
const published: Published = {
  ...good,
  sentAt: computedAt + 5,
  sentSkewMs: 0,
  metadata: { partition: 3, offset: 7n, appendedAt: computedAt + 7 },
  arrivedAt: computedAt + 7,
}

const times = {
  acknowledgedAt: computedAt + 8,
  lettersSentAt: computedAt + 30,
  lettersAcknowledgedAt: computedAt + 40,
}

const milliseconds = ([seconds, nanoseconds]: [number, number]) => seconds * 1000 + nanoseconds / 1e6

/** When the spans of a publication begin and end, in milliseconds after the message was computed, and what they say. */
function spans(publication: Partial<Publication>) {
  const made = spansOf({ ...nothing, ...times, ...publication }, route, resource, () => true)
  return made.map(({ startTime, endTime, attributes }) => ({
    from: milliseconds(startTime) - computedAt,
    to: milliseconds(endTime) - computedAt,
    attributes,
  }))
}

test('a dead letter in the batch makes the spans of its neighbours no longer, and its own begin when it was sent', () => {
  const [goodProcess, goodSend, badProcess, badSend] = spans({ results: [published], deadLetters: [bad] })
  expect(goodProcess).toMatchObject({ from: -1, to: 5, attributes: { 'throughline.save_ms': 5 } })
  expect(goodSend).toMatchObject({ from: 5, to: 8, attributes: { 'throughline.publish_ms': 2 } })
  expect(badProcess).toMatchObject({ from: -1, to: 30, attributes: { 'throughline.save_ms': 30 } })
  expect(badSend).toMatchObject({ from: 30, to: 40 })
})

test('what was sent before says nothing of how long saving and publishing took: nobody measured it', () => {
  const redelivered = new Set([good.message, bad.message])
  for (const again of [{ results: [published] }, { deadLetters: [bad] }]) {
    const [process, send] = spans({ ...again, redelivered })
    expect(process).toMatchObject({ from: -1, to: 0, attributes: { 'throughline.redelivered': true } })
    expect(send).toMatchObject({ from: 0, to: 0, attributes: { 'throughline.redelivered': true } })
    const said = Object.keys({ ...process?.attributes, ...send?.attributes })
    expect(said).toEqual(expect.arrayContaining(['throughline.wait_ms', 'throughline.work_ms']))
    expect(said).not.toContain('throughline.save_ms')
    expect(said).not.toContain('throughline.publish_ms')
  }
})

test('a replay has a trace of its own, which is in its rows, and is linked to what the first attempt did here', () => {
  const replay = { ...published, message: message(3, { attempt: 2 }) }
  const { id } = replay.message
  const [process, send] = spansOf({ ...nothing, ...times, results: [replay] }, route, resource, () => true)
  const traceId = traceIdOf(replay.message)
  expect(traceId).not.toBe(id)
  expect([process, send].map((span) => span?.spanContext().traceId)).toEqual([traceId, traceId])
  const first = { traceId: id, spanId: spanId(id, 1, 'add', 'process') }
  expect(process?.links).toMatchObject([{ context: first }])
  expect(send?.links).toEqual([])
})

test('spans say where the message was, under OpenTelemetry’s names', () => {
  const [process, send] = spans({
    results: [{ ...published, message: message(9, { key: Buffer.from('k') }) }],
  })
  expect(process?.attributes).toMatchObject({
    'messaging.system.name': 'kafka',
    'messaging.operation.type': 'process',
    'messaging.destination.name': 'start',
    'messaging.destination.partition.id': '0',
    'messaging.consumer.group.name': route.group,
    'kafka.offset': 9,
    'kafka.message.key': 'k',
    'throughline.attempt': 1,
    'throughline.position': 1,
    'throughline.wait_ms': 1,
    'throughline.work_ms': 1,
  })
  expect(process?.attributes).not.toHaveProperty('kafka.message.tombstone')
  expect(send?.attributes).toMatchObject({
    'messaging.system.name': 'kafka',
    'messaging.operation.type': 'send',
    'messaging.destination.name': route.target,
    'messaging.destination.partition.id': '3',
    'kafka.offset': 7,
  })
})

test('a record without a value is a tombstone, and a key that is no text is shown in hex digits', () => {
  const from = message(1, { value: null, key: Buffer.from([255, 0]) })
  const [process] = spans({ deadLetters: [deadLetter(from)] })
  expect(process?.attributes).toMatchObject({ 'kafka.message.tombstone': true, 'kafka.message.key': 'ff00' })
})
