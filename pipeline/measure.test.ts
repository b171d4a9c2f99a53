import { afterEach, expect, test, vi } from 'vitest'
import type { Message, PublishedResult } from '../sql/outcome.ts'
import { readConfig } from './config.ts'
import type { PublishedBatch } from './deliver.ts'
import { routeOf } from './route.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { exemplarTraces, initialiseCounters, measure } from './measure.ts'

afterEach(() => vi.unstubAllEnvs())

const last = { ...routeOf(readConfig({}), '1'), isLast: true }
const id = '0193a1b2c3d47e5f8a9b0c1d2e3f4a5b'
const time = 1_700_000_000_000

function message(changes: Partial<Message> = {}): Message {
  const origin = {
    topic: 'stage6',
    partition: 0,
    offset: '1',
    key: null,
    value: null,
    headers: {},
    forwarded: undefined,
    parent: undefined,
  }
  const times = { sentAt: time, enteredAt: time - 1000, queuedAt: time, skewMs: 0 }
  return { id, attempt: 1, ...origin, ...times, badHeaders: 0, ...changes }
}

function published(from: Message, changes: Partial<PublishedResult> = {}): PublishedResult {
  const times = {
    startedAt: time + 10,
    computedAt: time + 12,
    sentAt: time + 20,
    arrivedAt: time + 25,
    skewMs: 0,
    sentSkewMs: 0,
  }
  const metadata = { partition: 0, offset: 1n, appendedAt: time + 25 }
  return { message: from, body: '{}', ...times, metadata, ...changes }
}

const nothing: PublishedBatch = {
  results: [],
  deadLetters: [],
  redelivered: new Set(),
  duplicates: [],
}

/** The samples after a batch, those with a value other than 0, by name and the labels that matter. */
async function samplesAfter(batch: PublishedBatch, accept = 'application/openmetrics-text') {
  const metrics = createMetrics({ stage: 'square-root', position: 6 })
  const traceOf = ({ parent }: Message) => (parent?.sampled ? parent.traceId : undefined)
  measure(batch, last, { metrics, traceOf })
  const { text } = await metrics.page(accept)
  const samples = text.split('\n').flatMap((line) => {
    const [, name, value] = /^(throughline_[^ ]+) ([^ ]+)/.exec(line) ?? []
    return name === undefined || value === '0'
      ? []
      : [[name.replace('stage="square-root",position="06"', ''), Number(value)] as const]
  })
  return { text, samples: new Map(samples) }
}

test('the four times and end to end are measured in seconds', async () => {
  const { samples } = await samplesAfter({ ...nothing, results: [published(message())] })
  expect(samples.get('throughline_wait_seconds_sum{}')).toBe(0.01)
  expect(samples.get('throughline_work_seconds_sum{}')).toBe(0.002)
  expect(samples.get('throughline_save_seconds_sum{}')).toBe(0.008)
  expect(samples.get('throughline_publish_seconds_sum{}')).toBe(0.005)
  expect(samples.get('throughline_end_to_end_seconds_sum{}')).toBe(1.025)
})

test('messages count by what came of them; what was measured before is not measured again', async () => {
  const again = message({ offset: '2' })
  const { samples } = await samplesAfter({
    ...nothing,
    results: [published(message()), published(again)],
    deadLetters: [{ message: message(), reason: 'not-json', explanation: '', startedAt: 0, computedAt: 0, skewMs: 0 }],
    redelivered: new Set([again]),
    duplicates: [message(), message()],
  })
  expect(samples.get('throughline_messages_total{outcome="processed",reason="",}')).toBe(1)
  expect(samples.get('throughline_messages_total{outcome="redelivered",reason="",}')).toBe(1)
  expect(samples.get('throughline_messages_total{outcome="duplicate",reason="",}')).toBe(2)
  expect(samples.get('throughline_messages_total{outcome="dead",reason="not-json",}')).toBe(1)
  expect(samples.get('throughline_wait_seconds_count{}')).toBe(2)
  expect(samples.get('throughline_save_seconds_count{}')).toBe(1)
  expect(samples.get('throughline_batch_messages_sum{}')).toBe(5)
})

test('clocks that had to be corrected by more than 2 ms are counted, not hidden', async () => {
  const near = published(message({ skewMs: 1.9 }), { skewMs: 2, sentSkewMs: 2 })
  expect((await samplesAfter({ ...nothing, results: [near] })).samples.has('throughline_clock_corrections_total{}')).toBe(
    false,
  )
  const metadata = { partition: 0, offset: 1n, appendedAt: time + 20 }
  const far = published(message({ skewMs: 3 }), { skewMs: 4, sentSkewMs: 3, metadata })
  expect((await samplesAfter({ ...nothing, results: [far] })).samples.get('throughline_clock_corrections_total{}')).toBe(4)
})

test('malformed headers are counted', async () => {
  const { samples } = await samplesAfter({ ...nothing, results: [published(message({ badHeaders: 2 }))] })
  expect(samples.get('throughline_bad_headers_total{}')).toBe(2)
})

test('a kept trace is the exemplar of its bucket, in OpenMetrics', async () => {
  const parent = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true }
  const kept = { ...nothing, results: [published(message({ parent }))] }
  expect((await samplesAfter(kept)).text).toContain(`# {trace_id="${parent.traceId}"} 0.01`)
  expect((await samplesAfter(kept, 'text/plain')).text).not.toContain('trace_id')
  const dropped = { ...nothing, results: [published(message({ parent: { ...parent, sampled: false } }))] }
  expect((await samplesAfter(dropped)).text).not.toContain('trace_id')
})

test('a batch leaves one exemplar, of its largest value', async () => {
  const traced = (digit: string, ms: number) => {
    const parent = { traceId: digit.repeat(32), spanId: 'b'.repeat(16), sampled: true }
    return published(message({ parent }), { startedAt: time + ms, computedAt: time + ms })
  }
  const batch = [traced('1', 11), traced('2', 12), traced('3', 30)]
  const { text, samples } = await samplesAfter({ ...nothing, results: batch })
  const waits = text.split('\n').filter((line) => line.startsWith('throughline_wait_seconds_bucket'))
  expect(waits.flatMap((line) => /trace_id="(\d)/.exec(line)?.[1] ?? [])).toEqual(['3'])
  expect(samples.get('throughline_wait_seconds_count{}')).toBe(3)
})

test('counters begin at 0 where their labels are known', async () => {
  const metrics = createMetrics({ stage: 'lcm', position: 3 })
  initialiseCounters(metrics, 'lcm')
  const { text } = await metrics.page('')
  for (const labels of ['outcome="duplicate",reason=""', 'outcome="dead",reason="negative-root"']) {
    expect(text).toContain(`throughline_messages_total{${labels},stage="lcm",position="03"} 0`)
  }
  expect(text).toContain('throughline_reconnects_total{server="Postgres",stage="lcm",position="03"} 0')
})

/** The trace that the measures of a message point to. */
const traceOf = (from: Message) => exemplarTraces(readConfig({}))(from, time - from.enteredAt)

const parent = { traceId: 'f'.repeat(32), spanId: 'b'.repeat(16), sampled: true }

test('measures point to a trace that will be there: one that is sampled, or of a message that is slow already', () => {
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://127.0.0.1:1')
  expect(traceOf(message({ parent }))).toBe(parent.traceId)
  const unsampled = { parent: { ...parent, sampled: false } }
  expect(traceOf(message(unsampled))).toBeUndefined()
  expect(traceOf(message({ ...unsampled, enteredAt: time - 6000 }))).toBe(parent.traceId)
})

test('without an endpoint there is no trace to point to', () => {
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', '')
  expect(traceOf(message({ parent }))).toBeUndefined()
})
