import { afterEach, expect, test, vi } from 'vitest'
import { readConfig } from '../pipeline/config.ts'
import type { Publication } from '../pipeline/deliver.ts'
import type { Message } from '../pipeline/message.ts'
import { routeOf } from '../pipeline/route.ts'
import { message, result } from '../test/support/data/outcomes.fixture.ts'
import { pipelineProcess } from './pipeline-process.ts'

afterEach(() => vi.unstubAllEnvs())

const route = routeOf(readConfig({}), 'add')

function publicationOf(from: Message): Publication {
  const { computedAt } = result(from)
  const metadata = { partition: 0, offset: 0n, appendedAt: computedAt }
  const published = { ...result(from), sentAt: computedAt, sentSkewMs: 0, metadata, arrivedAt: computedAt }
  return { results: [published], deadLetters: [], redelivered: new Set(), duplicates: [] }
}

/** The traces that the measures of a message point to. */
async function tracesOf(from: Message): Promise<Set<string>> {
  const config = readConfig({ LOG_LEVEL: 'silent' })
  let text = ''
  await pipelineProcess(config, { stage: 'add', position: 1 }, async ({ observer }, _stopping, metrics) => {
    observer.batchDone(publicationOf(from), route)
    text = (await metrics.page('application/openmetrics-text')).text
  })
  return new Set([...text.matchAll(/trace_id="([\da-f]+)"/g)].map(([, id = '']) => id))
}

const parent = { traceId: 'f'.repeat(32), spanId: 'b'.repeat(16), sampled: true }

test('measures point to a trace that will be there: one that is sampled, or of a message that is slow already', async () => {
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://127.0.0.1:1')
  const { enteredAt } = message(1)
  expect(await tracesOf(message(1, { parent }))).toEqual(new Set([parent.traceId]))
  const unsampled = { parent: { ...parent, sampled: false } }
  expect(await tracesOf(message(1, unsampled))).toEqual(new Set())
  expect(await tracesOf(message(1, { ...unsampled, enteredAt: enteredAt - 6000 }))).toEqual(new Set([parent.traceId]))
})

test('without an endpoint there is no trace to point to', async () => {
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', '')
  expect(await tracesOf(message(1, { parent }))).toEqual(new Set())
})
