import { expect, test } from 'vitest'
import { message } from '../test/support/made-up-outcomes.ts'
import type { Config } from './config.ts'
import type { Message } from './message.ts'
import { createSampling } from './sampling.ts'

/** Whether messages that came so are kept by a sampler. */
async function kept(sampler: Config['OTEL_TRACES_SAMPLER'], ...changes: readonly Partial<Message>[]) {
  const isSampled = await createSampling({ OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: 0.5 })
  return changes.map((change) => isSampled(message(1, change)))
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
