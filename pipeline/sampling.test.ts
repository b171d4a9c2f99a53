import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  type Sampler,
} from '@opentelemetry/sdk-trace'
import { expect, test } from 'vitest'
import type { Message } from '../pipeline/message.ts'
import { message } from '../test/made-up-outcomes.ts'
import { createSampling, samplerOf } from './sampling.ts'

/** Whether messages that came so are kept by a sampler. */
function kept(sampler: Sampler, ...changes: readonly Partial<Message>[]): boolean[] {
  const isSampled = createSampling(sampler)
  return changes.map((change) => isSampled(message(1, change)))
}

const parent = (sampled: boolean) => ({ traceId: 'f'.repeat(32), spanId: 'b'.repeat(16), sampled })
const followed = { parent: parent(true) }
const unfollowed = { parent: parent(false) }
const byHand = { sentAt: undefined }

test('between stages the flag decides, whatever the sampler says', () => {
  expect(kept(new AlwaysOffSampler(), followed, unfollowed)).toEqual([true, false])
  expect(kept(new AlwaysOnSampler(), followed, unfollowed)).toEqual([true, false])
})

test('where a message enters the sampler decides, and hears of the trace it came with', () => {
  const foreign = [
    { ...followed, ...byHand },
    { ...unfollowed, ...byHand },
  ]
  expect(kept(new AlwaysOffSampler(), ...foreign)).toEqual([false, false])
  expect(kept(new AlwaysOnSampler(), ...foreign)).toEqual([true, true])
  const root = new AlwaysOnSampler()
  expect(kept(new ParentBasedSampler({ root }), ...foreign)).toEqual([true, false])
  expect(
    kept(new ParentBasedSampler({ root, remoteParentSampled: new AlwaysOffSampler() }), ...foreign),
  ).toEqual([false, false])
})

test('a share of the traces is decided by the trace id', () => {
  const [low, high] = ['0000000000000000000000000000000f', 'ffffffff00000000000000000000000f']
  const ids = [low, high].map((id) => ({ id, parent: undefined }))
  expect(kept(new TraceIdRatioBasedSampler(0.5), ...ids)).toEqual([true, false])
})

test.each([
  ['always_on', [true, true, true]],
  ['always_off', [false, false, false]],
  ['traceidratio', [true, true, false]],
  ['parentbased_always_on', [true, false, true]],
  ['parentbased_always_off', [true, false, false]],
  ['parentbased_traceidratio', [true, false, false]],
] as const)('OTEL_TRACES_SAMPLER=%s', (OTEL_TRACES_SAMPLER, expected) => {
  const sampler = samplerOf({ OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG: 0.5 })
  const own = { id: 'ffffffff00000000000000000000000f', parent: undefined }
  expect(kept(sampler, { ...followed, ...byHand }, { ...unfollowed, ...byHand }, own)).toEqual(expected)
})
