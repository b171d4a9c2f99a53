import { isWrapped } from '@opentelemetry/instrumentation'
import { KafkaJsInstrumentation } from '@opentelemetry/instrumentation-kafkajs'
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg'
import type { Resource } from '@opentelemetry/resources'
import { NodeSDK } from '@opentelemetry/sdk-node'
import type { Sampler, SpanProcessor } from '@opentelemetry/sdk-trace'
import { loadKafkajs } from '../kafka/client.ts'
import { describeEntry } from './entry-span.ts'
import { idGenerator } from './next-ids.ts'

export interface EntryTracing {
  readonly resource: Resource
  readonly sampler: Sampler
  readonly queue: SpanProcessor
}

/**
 * Starts the SDK with its instrumentations, by which messages get their spans where they enter. Stages do
 * without both: their batches hold many traces, of which the instrumentation would make one, and the SDK is 40 MB.
 */
export function startEntrySdk({ resource, sampler, queue }: EntryTracing): NodeSDK {
  const sdk = new NodeSDK({
    resource,
    autoDetectResources: false,
    idGenerator,
    sampler,
    spanProcessors: [queue],
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [
      new KafkaJsInstrumentation({ producerHook: describeEntry }),
      new PgInstrumentation({ requireParentSpan: true }),
    ],
  })
  sdk.start()
  requireWrapped()
  return sdk
}

/**
 * Loads kafkajs, which the instrumentation wraps at that moment, also when it was loaded before.
 * @throws when it is not wrapped: messages would enter without spans, and nobody would notice
 */
function requireWrapped(): void {
  if (isWrapped(loadKafkajs().Kafka.prototype.producer)) return
  throw new Error(
    'kafkajs is not wrapped, so messages would enter without spans: does instrumentation-kafkajs know its version?',
  )
}
