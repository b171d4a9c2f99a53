import { ROOT_CONTEXT } from '@opentelemetry/api'
import { SamplingDecision, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace'
import { expect, test } from 'vitest'
import { newMessageId } from '../pipeline/message.ts'
import { services, startTracedPipeline } from './support/telemetry/traced-pipeline.ts'

const wait = { timeout: 240_000, interval: 100 }
const RATIO = 0.01
const MESSAGES = 1000

const sampler = new TraceIdRatioBasedSampler(RATIO)
const isSampled = (traceId: string) =>
  sampler.shouldSample(ROOT_CONTEXT, traceId).decision === SamplingDecision.RECORD_AND_SAMPLED

test('with one trace in a hundred, every dead letter and every slow message has its whole trace, and of the others those that the ratio chose', async () => {
  await using pipeline = await startTracedPipeline({
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: String(RATIO),
    // Messages that wait until all stages have started would be slow by a smaller bound.
    TRACE_SLOWER_THAN: '3600',
  })
  await pipeline.throughline('generator', '--messages', String(MESSAGES))
  await Promise.all(services.map((stage) => pipeline.start(stage)))
  const unsampled = () => {
    for (;;) {
      const id = newMessageId()
      if (!isSampled(id)) return id
    }
  }
  const [dead, slow, quick] = [unsampled(), unsampled(), unsampled()]
  await pipeline.post('start', '{"numbers":[-3,-4,-5]}', { 'message-id': dead })
  const hoursAgo = { 'sent-at': String(Date.now() - 1), 'entered-at': String(Date.now() - 7_200_000) }
  await pipeline.post('start', '{"numbers":[3]}', { 'message-id': slow, ...hoursAgo })
  await pipeline.post('start', '{"numbers":[3]}', { 'message-id': quick })
  await expect.poll(() => pipeline.finished([slow, quick]), wait).toBe(2)
  await expect.poll(() => pipeline.spansAbout(dead).length, wait).toBe(12)
  await expect.poll(() => pipeline.spansAbout(slow).length, wait).toBe(12)
  const { rows } = await pipeline.database.query<{ id: string }>(
    `select hex(message_id) as id from inputs where body is not null`,
  )
  const chosen = rows.map(({ id }) => id).filter(isSampled)
  await expect.poll(() => chosen.filter((id) => pipeline.spansAbout(id).length === 13), wait).toEqual(chosen)
  const kept = new Set(pipeline.receiver.spans.map(({ traceId }) => traceId))
  expect(kept).toEqual(new Set([...chosen, dead, slow]))
})
