import { AsyncLocalStorage } from 'node:async_hooks'
import { isWrapped } from '@opentelemetry/instrumentation'
import { KafkaJsInstrumentation } from '@opentelemetry/instrumentation-kafkajs'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { NoopSpanProcessor, RandomIdGenerator, type IdGenerator } from '@opentelemetry/sdk-trace'
import { loadKafkajs } from '../../kafka/client.ts'
import type { SendInterceptor } from '../../kafka/producer.ts'
import { headerText, ownHeaders } from '../../pipeline/headers.ts'
import { spanId, traceIdOf } from '../trace-context.ts'

/**
 * Starts the SDK with instrumentation-kafkajs where messages enter: it decides by OTEL_TRACES_SAMPLER whether the trace of a
 * message is kept, and writes its traceparent. Its spans go nowhere: the tracer makes them from the rows, with the same ids.
 * @throws when kafkajs is not wrapped: messages would enter without traceparent, and nothing would say so
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
  // Loading kafkajs makes the instrumentation wrap it, also when it was loaded before.
  if (isWrapped(loadKafkajs().Kafka.prototype.producer)) return sdk
  throw new Error(
    'kafkajs is not wrapped, so messages would enter without a trace: does instrumentation-kafkajs know its version?',
  )
}

const nextIds = new AsyncLocalStorage<{ traces: ArrayIterator<string>; spans: ArrayIterator<string> }>()
const random = new RandomIdGenerator()

const idGenerator: IdGenerator = {
  generateTraceId: () => nextIds.getStore()?.traces.next().value ?? random.generateTraceId(),
  generateSpanId: () => nextIds.getStore()?.spans.next().value ?? random.generateSpanId(),
}

/** Each message of a request is the root of a trace of its own, with ids that derive from its id. The SDK keeps their order. */
export const sendWithIds: SendInterceptor = (records, send) => {
  const messages = records.map(({ headers }) => {
    const id = headerText(headers, ownHeaders.id) ?? ''
    return { id, attempt: Number(headerText(headers, ownHeaders.attempt)), parent: undefined }
  })
  const traces = messages.map(traceIdOf).values()
  const spans = messages.map(({ id, attempt }) => spanId(id, attempt, 'generator', 'send')).values()
  return nextIds.run({ traces, spans }, send)
}
