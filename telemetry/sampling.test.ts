import { trace } from '@opentelemetry/api'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type Sampler,
} from '@opentelemetry/sdk-trace'
import { afterEach, expect, test } from 'vitest'
import type { Message } from '../pipeline/message.ts'
import { message } from '../test/made-up-outcomes.ts'
import { idGenerator } from './next-ids.ts'
import { isSampled } from './sampling.ts'

afterEach(() => trace.disable())

/** Whether messages that came so are kept by a sampler. */
function kept(sampler: Sampler, ...changes: readonly Partial<Message>[]): boolean[] {
  trace.disable()
  trace.setGlobalTracerProvider(new TracerProvider({ sampler, idGenerator }))
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
