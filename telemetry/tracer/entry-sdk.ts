import { isWrapped } from '@opentelemetry/instrumentation'
import { KafkaJsInstrumentation } from '@opentelemetry/instrumentation-kafkajs'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { NoopSpanProcessor } from '@opentelemetry/sdk-trace'
import { loadKafkajs } from '../../kafka/client.ts'
import { idGenerator } from './next-ids.ts'

/**
 * Starts the SDK with instrumentation-kafkajs where messages enter: it decides by OTEL_TRACES_SAMPLER whether the trace of a
 * message is kept, and writes its traceparent. Its spans go nowhere: the tracer makes them from the rows, with the same ids.
 */
export function startEntrySdk(): NodeSDK {
  const sdk = new NodeSDK({
    autoDetectResources: false,
    idGenerator,
    spanProcessors: [new NoopSpanProcessor()],
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [new KafkaJsInstrumentation()],
  })
  sdk.start()
  requireWrapped()
  return sdk
}

/**
 * Loads kafkajs, which the instrumentation wraps at that moment, also when it was loaded before.
 * @throws when it is not wrapped: messages would enter without traceparent, and nothing would say so
 */
function requireWrapped(): void {
  if (isWrapped(loadKafkajs().Kafka.prototype.producer)) return
  throw new Error(
    'kafkajs is not wrapped, so messages would enter without a trace: does instrumentation-kafkajs know its version?',
  )
}
