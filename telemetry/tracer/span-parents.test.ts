import { expect, test } from 'vitest'
import { id, options, own, rows, shapes, step, time } from '../../test/support/data/spans.fixture.ts'
import { spansOf } from './spans.ts'

test('a foreign parent is the parent, and is never made here', () => {
  const foreign = 'e'.repeat(16)
  const byHand = step('add', 0, { previousSentAt: null, parentSpanId: foreign })
  const between = step('lcm', 1, { parentSpanId: foreign })
  const made = shapes(rows({ steps: [byHand, between], enteredBy: null }))
  expect(made.map(({ name, parent }) => [name, parent])).toEqual([
    ['process p.add-in', foreign],
    ['send p.lcm-in', own('add', 'process')],
    ['process p.lcm-in', foreign],
    ['send p.finish', own('lcm', 'process')],
  ])
})

test('a replay is a trace of its own, linked to what the first attempt did at the same stage', () => {
  const traceId = 'a'.repeat(32)
  const entry = own('generator', 'send', 2)
  const steps = [step('lcm', 1, { traceId, previousSentAt: null, parentSpanId: entry })]
  const replay = rows({ attempt: 2, steps, replayedAt: time + 100 })
  expect(shapes(replay)).toMatchObject([
    { name: 'send p.lcm-in', service: 'replay', id: entry, parent: undefined, from: 100, to: 160 },
    { name: 'process p.lcm-in', service: 'lcm', parent: entry },
    { name: 'send p.finish' },
  ])
  const [, process] = spansOf(replay, options)
  expect(process?.spanContext().traceId).toBe(traceId)
  expect(process?.links).toMatchObject([{ context: { traceId: id, spanId: own('lcm', 'process') } }])
})

test('a replay from the first stage begins with the span that let it in, whether that was announced or not', () => {
  const traceId = 'a'.repeat(32)
  const steps = [step('add', 0, { traceId, previousSentAt: null })]
  const made = shapes(rows({ attempt: 2, steps, replayedAt: time - 50 }))
  const entry = own('generator', 'send', 2)
  expect(made.slice(0, 2)).toMatchObject([
    { name: 'send p.add-in', service: 'replay', id: entry, from: -50, to: 0 },
    { name: 'process p.add-in', parent: entry },
  ])
})

test('what a stage without the SDK sent on keeps its place: its parent is the step before, not the one before that', () => {
  const steps = [step('add', 0), step('lcm', 1), step('sine', 2, { parentSpanId: own('add', 'send') })]
  const made = shapes(rows({ steps }))
  expect(made.find(({ name }) => name === 'process p.sine-in')?.parent).toBe(own('lcm', 'send'))
})

test('a stage that the catalogue does not know is named by itself', () => {
  const steps = [step('add', 0), step('new', 1, { topic: null, position: null })]
  expect(shapes(rows({ steps })).map(({ name }) => name)).toEqual([
    'send p.add-in',
    'process p.add-in',
    'send new',
    'process new',
    'send p.finish',
  ])
})
