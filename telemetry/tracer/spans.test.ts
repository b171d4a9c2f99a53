import { SpanStatusCode } from '@opentelemetry/api'
import { expect, test } from 'vitest'
import { id, options, own, rows, shapes, step, time } from '../../test/support/data/spans.fixture.ts'
import { spansOf, type SpanOptions } from './spans.ts'

test('a message that came through: the span it entered by, then two for each stage, each below the one before', () => {
  expect(shapes(rows())).toEqual([
    {
      name: 'send p.add-in',
      service: 'generator',
      kind: 'PRODUCER',
      id: own('generator', 'send'),
      parent: undefined,
      from: -30,
      to: 0,
    },
    {
      name: 'process p.add-in',
      service: 'add',
      kind: 'CONSUMER',
      id: own('add', 'process'),
      parent: own('generator', 'send'),
      from: 100,
      to: 130,
    },
    {
      name: 'send p.lcm-in',
      service: 'add',
      kind: 'PRODUCER',
      id: own('add', 'send'),
      parent: own('add', 'process'),
      from: 130,
      to: 160,
    },
    {
      name: 'process p.lcm-in',
      service: 'lcm',
      kind: 'CONSUMER',
      id: own('lcm', 'process'),
      parent: own('add', 'send'),
      from: 260,
      to: 290,
    },
    {
      name: 'send p.finish',
      service: 'lcm',
      kind: 'PRODUCER',
      id: own('lcm', 'send'),
      parent: own('lcm', 'process'),
      from: 290,
      to: 320,
    },
  ])
})

test('spans say where the message was and how long each part took, in seconds', () => {
  const [, process, send] = spansOf(rows(), options).map(({ attributes }) => attributes)
  expect(process).toEqual({
    'messaging.system.name': 'kafka',
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.message.id': id,
    'messaging.destination.name': 'p.add-in',
    'messaging.destination.partition.id': '2',
    'messaging.consumer.group.name': 'p.add',
    'kafka.offset': 40,
    'throughline.attempt': 1,
    'throughline.position': 1,
    'throughline.wait_seconds': 0.0001,
    'throughline.work_seconds': 0.00001,
    'throughline.save_seconds': 0.00002,
  })
  expect(send).toMatchObject({
    'messaging.destination.name': 'p.lcm-in',
    'messaging.destination.partition.id': '2',
    'kafka.offset': 41,
    'throughline.publish_seconds': 0.00003,
  })
})

const dead = rows({
  steps: [step('add', 0), step('lcm', 1, { reason: 'not-json', explanation: 'It is not JSON.' })],
  finished: null,
})

test('a dead letter ends in an error that says why; its send span is from computed to the append of its record', () => {
  const deadLetter = { topic: 'p.dead-letter', partition: 0, offset: '9', appendedAt: time + 400 }
  const [process, send] = spansOf(dead, { ...options, deadLetter }).slice(-2)
  expect(process?.status).toEqual({ code: SpanStatusCode.ERROR, message: 'It is not JSON.' })
  expect(process?.attributes).toMatchObject({ 'error.type': 'not-json' })
  expect(send?.attributes).toMatchObject({ 'messaging.destination.name': 'p.dead-letter', 'kafka.offset': 9 })
  expect(shapes(dead, { deadLetter }).slice(-2)).toMatchObject([
    { name: 'process p.lcm-in', from: 260, to: 270 },
    { name: 'send p.dead-letter', from: 270, to: 400 },
  ])
  // Where the record is not known, as for the command `trace`, it ends with the process span.
  expect(shapes(dead).at(-1)?.name).toBe('process p.lcm-in')
})

test('of a message on its way only the steps that are complete have spans', () => {
  expect(shapes(rows({ finished: null })).map(({ name }) => name)).toEqual([
    'send p.add-in',
    'process p.add-in',
    'send p.lcm-in',
  ])
  expect(spansOf(rows({ steps: [] }), options)).toEqual([])
})

test('a message posted by hand begins at the first stage, without a parent', () => {
  const [first] = shapes(rows({ steps: [step('add', 0, { previousSentAt: null }), step('lcm', 1)], enteredBy: null }))
  expect(first).toMatchObject({ name: 'process p.add-in', parent: undefined })
})

test('only a span that sends to the end of the flow says so, whatever the topic is called', () => {
  const ends = (of: ReturnType<typeof rows>, changes: Partial<SpanOptions> = {}) =>
    spansOf(of, { ...options, ...changes })
      .filter(({ attributes }) => attributes['throughline.end'] === true)
      .map(({ name }) => name)
  expect(ends(rows(), { finishTopic: 'dev-results' })).toEqual(['send dev-results'])
  expect(ends(rows({ finished: null }))).toEqual([])
  const deadLetter = { topic: 'dev-dead-letter', partition: 0, offset: '1', appendedAt: time }
  expect(ends(dead, { deadLetter })).toEqual(['send dev-dead-letter'])
})

test('a span never ends before it began, and publishing takes no negative time', () => {
  const early = { topic: 'dead-letter', partition: 0, offset: '1', appendedAt: time - 5000 }
  const spans = spansOf(dead, { ...options, deadLetter: early })
  for (const { duration } of spans) expect(duration[0] * 1e9 + duration[1]).toBeGreaterThanOrEqual(0)
  expect(spans.at(-1)?.attributes['throughline.publish_seconds']).toBe(0)
})
