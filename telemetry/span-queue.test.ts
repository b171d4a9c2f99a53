import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import { expect, test } from 'vitest'
import { createSpanQueue } from './span-queue.ts'

const options = { capacity: 10, batch: 4, concurrency: 2, delayMs: 60_000 }

function span(traceFlags = 1): ReadableSpan {
  const context = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags }
  return { spanContext: () => context } as ReadableSpan
}

/** An exporter that answers when the test says so. */
function exporterInHand() {
  const asked: { spans: readonly ReadableSpan[]; answer: (isTaken: boolean) => void }[] = []
  const exporter: SpanExporter = {
    export: (spans, done) => asked.push({ spans, answer: (isTaken) => done({ code: isTaken ? 0 : 1 }) }),
    shutdown: () => Promise.resolve(),
  }
  let lost = 0
  const queue = createSpanQueue(exporter, { ...options, onLost: (spans) => (lost += spans) })
  return { asked, queue, lost: () => lost }
}

const sizes = (asked: readonly { spans: readonly ReadableSpan[] }[]) => asked.map(({ spans }) => spans.length)
const settled = () => new Promise(setImmediate)

test('a full batch goes at once, and several are under way at the same time', () => {
  const { asked, queue } = exporterInHand()
  for (let count = 0; count < 9; count += 1) queue.onEnd(span())
  expect(sizes(asked)).toEqual([4, 4])
})

test('what is not exported when there is no more time is lost, and counted once', async () => {
  const { asked, queue, lost } = exporterInHand()
  for (let count = 0; count < 8 + 3; count += 1) queue.onEnd(span())
  asked[0]?.answer(true)
  await settled()
  queue.giveUp()
  expect(lost()).toBe(7)
  asked[1]?.answer(false)
  await settled()
  expect(lost()).toBe(7)
})

test('what finds no room is lost and counted, and nobody waits for it', async () => {
  const { asked, queue, lost } = exporterInHand()
  for (let count = 0; count < 8 + 10 + 3; count += 1) queue.onEnd(span())
  expect(lost()).toBe(3)
  asked[0]?.answer(true)
  await settled()
  expect(sizes(asked)).toEqual([4, 4, 4])
})

test('a batch that the backend does not take is lost and counted', async () => {
  const { asked, queue, lost } = exporterInHand()
  for (let count = 0; count < 4; count += 1) queue.onEnd(span())
  asked[0]?.answer(false)
  await settled()
  expect(lost()).toBe(4)
})

test('a span that is not sampled is not exported', async () => {
  const { asked, queue } = exporterInHand()
  for (let count = 0; count < 4; count += 1) queue.onEnd(span(0))
  await queue.forceFlush()
  expect(asked).toEqual([])
})

test('the end waits for everything, never with more exports at once than allowed', async () => {
  const { asked, queue, lost } = exporterInHand()
  for (let count = 0; count < 18; count += 1) queue.onEnd(span())
  const ended = queue.shutdown()
  for (let answered = 0; answered < 5; answered += 1) {
    await settled()
    expect(asked.length - answered).toBeLessThanOrEqual(2)
    asked[answered]?.answer(true)
  }
  await ended
  expect(sizes(asked)).toEqual([4, 4, 4, 4, 2])
  expect(lost()).toBe(0)
})

test('an exporter that throws loses its spans, and nothing else', async () => {
  let lost = 0
  const exporter: SpanExporter = {
    export: () => {
      throw new Error('no room on the wire')
    },
    shutdown: () => Promise.resolve(),
  }
  const queue = createSpanQueue(exporter, { ...options, onLost: (spans) => (lost += spans) })
  for (let count = 0; count < 4; count += 1) queue.onEnd(span())
  await queue.shutdown()
  expect(lost).toBe(4)
})

test('whoever makes many waits for room while the backend takes them', async () => {
  const { asked, queue } = exporterInHand()
  for (let count = 0; count < 8; count += 1) queue.onEnd(span())
  let hasRoom = false
  const waiting = queue.room(4).then(() => (hasRoom = true))
  await settled()
  expect(hasRoom).toBe(false)
  asked[0]?.answer(true)
  await waiting
  expect(hasRoom).toBe(true)
  await queue.room(4)
})

test('nobody waits for room at a backend that takes nothing, nor for ever at one that says nothing', async () => {
  const { asked, queue, lost } = exporterInHand()
  for (let count = 0; count < 8; count += 1) queue.onEnd(span())
  await queue.room(1)
  expect(sizes(asked)).toEqual([4, 4])
  asked[0]?.answer(false)
  await settled()
  const waiting = queue.room(1)
  let hasRoom = false
  void waiting.then(() => (hasRoom = true))
  await settled()
  expect(hasRoom).toBe(true)
  expect(lost()).toBe(4)
})
