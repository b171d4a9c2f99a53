import { v7 as uuidv7 } from 'uuid'
import { expect, test } from 'vitest'
import {
  createHeadSampler,
  formatTraceparent,
  parseTraceparent,
  spanId,
  traceIdOf,
  type TracedMessage,
} from './trace-context.ts'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const span = '00f067aa0ba902b7'

test.each([
  [`00-${traceId}-${span}-01`, true],
  [`00-${traceId}-${span}-00`, false],
  [`00-${traceId}-${span}-03`, true],
  [`cc-${traceId}-${span}-01-what-the-future-brings`, true],
])('%s is parsed', (text, sampled) => {
  expect(parseTraceparent(text)).toEqual({ traceId, spanId: span, sampled })
})

test.each([
  [''],
  [`00-${traceId}-${span}`],
  [`00-${traceId}-${span}-01-more`],
  [`ff-${traceId}-${span}-01`],
  [`00-${traceId.toUpperCase()}-${span}-01`],
  [`00-${'0'.repeat(32)}-${span}-01`],
  [`00-${traceId}-${'0'.repeat(16)}-01`],
])('%s is invalid by the specification', (text) => {
  expect(parseTraceparent(text)).toBeUndefined()
})

test('a formatted traceparent is parsed again', () => {
  const context = { traceId, spanId: span, sampled: true }
  expect(parseTraceparent(formatTraceparent(context))).toEqual(context)
})

const id = '0193a1b2c3d47e5f8a9b0c1d2e3f4a5b'

test('a message’s trace is the one it came with, otherwise its id; a replay has one of its own, the same in every process', () => {
  const parent = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true }
  expect(traceIdOf({ id, attempt: 2, parent })).toBe(parent.traceId)
  expect(traceIdOf({ id, attempt: 1, parent: undefined })).toBe(id)
  expect(traceIdOf({ id, attempt: 2, parent: undefined })).toBe('370c0af312172ce00e5ddd43d3c9b944')
  expect(traceIdOf({ id, attempt: 3, parent: undefined })).not.toBe('370c0af312172ce00e5ddd43d3c9b944')
})

test('the same span has the same id, in every process', () => {
  expect(spanId(id, 1, 'add', 'process')).toBe('548eed755a8149f8')
})

test('spans that differ in message, attempt, stage or kind differ in id', () => {
  const ids = [1, 2].flatMap((attempt) =>
    ['add', 'lcm'].flatMap((stage) =>
      [id, uuidv7().replaceAll('-', '')].flatMap((message) => [
        spanId(message, attempt, stage, 'process'),
        spanId(message, attempt, stage, 'send'),
      ]),
    ),
  )
  expect(new Set(ids).size).toBe(16)
  for (const one of ids) expect(one).toMatch(/^[\da-f]{16}$/)
})

test('ids of any kind of UUID give different spans', () => {
  // One machine, one clock sequence: these two differ in their time alone.
  const byTime = ['6fa459ea14ea11f08c5b0242ac120002', '6fa459eb14ea11f08c5b0242ac120002']
  // Made in one millisecond, the time in front.
  const byRandom = ['0193a1b2c3d47e5f8a9b0c1d2e3f4a5b', '0193a1b2c3d47e5f8a9b0c1d2e3f4a5c']
  for (const messages of [byTime, byRandom]) {
    expect(new Set(messages.map((message) => spanId(message, 1, 'add', 'process'))).size).toBe(2)
  }
})

const between = { id, attempt: 1, parent: undefined, sentAt: 1_700_000_000_000 }

/** Whether a sampler keeps these messages. */
async function kept(sampler: string, ...changes: readonly Partial<TracedMessage>[]) {
  const isSampled = await createHeadSampler({ OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: 0.5 })
  return changes.map((change) => isSampled({ ...between, ...change }))
}

const parent = (sampled: boolean) => ({ traceId: 'f'.repeat(32), spanId: 'b'.repeat(16), sampled })
const sampled = { parent: parent(true) }
const unsampled = { parent: parent(false) }
const byHand = { sentAt: undefined }
// The four words of a trace id, each combined with the others by XOR, are below or above the half.
const low = { id: '00000001000000000000000000000001', parent: undefined }
const high = { id: 'f0000000000000000000000000000001', parent: undefined }

test('between stages the flag decides, whatever the sampler says', async () => {
  expect(await kept('always_off', sampled, unsampled)).toEqual([true, false])
  expect(await kept('always_on', sampled, unsampled)).toEqual([true, false])
})

test.each([
  ['always_on', [true, true, true, true]],
  ['always_off', [false, false, false, false]],
  ['traceidratio', [true, true, true, false]],
  ['parentbased_always_on', [true, false, true, true]],
  ['parentbased_always_off', [true, false, false, false]],
  ['parentbased_traceidratio', [true, false, true, false]],
] as const)('where a message enters OTEL_TRACES_SAMPLER=%s decides', async (sampler, expected) => {
  const foreign = [
    { ...sampled, ...byHand },
    { ...unsampled, ...byHand },
  ]
  expect(await kept(sampler, ...foreign, low, high)).toEqual(expected)
})
