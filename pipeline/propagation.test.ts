import { afterEach, expect, test, vi } from 'vitest'
import { message } from '../test/support/made-up-outcomes.ts'
import { readConfig } from './config.ts'
import { createPropagation } from './propagation.ts'
import { spanId } from './span-ids.ts'

afterEach(() => vi.unstubAllEnvs())

const parent = { traceId: 'f'.repeat(32), spanId: 'b'.repeat(16), sampled: false }

test('a message goes on with the id of its own trace, or of the one it came with, and of the span that sends it', async () => {
  const traceparentOf = await createPropagation(readConfig({}), 'add')
  const own = message(1)
  expect(traceparentOf(own)).toBe(`00-${own.id}-${spanId(own.id, 1, 'add', 'send')}-01`)
  const foreign = message(2, { parent })
  expect(traceparentOf(foreign)).toBe(`00-${parent.traceId}-${spanId(foreign.id, 1, 'add', 'send')}-00`)
})

test('with OTEL_SDK_DISABLED a traceparent that came with a message goes on as it is', async () => {
  vi.stubEnv('OTEL_SDK_DISABLED', 'true')
  const traceparentOf = await createPropagation(readConfig({}), 'add')
  expect(traceparentOf(message(1))).toBeUndefined()
  expect(traceparentOf(message(2, { parent }))).toBe(`00-${parent.traceId}-${parent.spanId}-00`)
})
