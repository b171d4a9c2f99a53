import { AsyncLocalStorage } from 'node:async_hooks'
import { isWrapped } from '@opentelemetry/instrumentation'
import { KafkaJsInstrumentation } from '@opentelemetry/instrumentation-kafkajs'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { NoopSpanProcessor, RandomIdGenerator, type IdGenerator } from '@opentelemetry/sdk-trace'
import { loadKafkajs } from '../../kafka/client.ts'

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

/** 32 and 16 hex digits. */
export interface Ids {
  readonly traceId: string
  readonly spanId: string
}

interface NextIds {
  readonly traces: Iterator<string>
  readonly spans: Iterator<string>
}

const nextIds = new AsyncLocalStorage<NextIds>()
const random = new RandomIdGenerator()

const idGenerator: IdGenerator = {
  generateTraceId: () => next(nextIds.getStore()?.traces) ?? random.generateTraceId(),
  generateSpanId: () => next(nextIds.getStore()?.spans) ?? random.generateSpanId(),
}

/** Runs `work`, in which the SDK starts a span for each of `ids`, in this order, and gives it these ids. */
export function withIds<T>(ids: readonly Ids[], work: () => T): T {
  const [traces, spans] = [ids.map(({ traceId }) => traceId), ids.map(({ spanId }) => spanId)]
  return nextIds.run({ traces: traces.values(), spans: spans.values() }, work)
}

function next(ids: Iterator<string> | undefined): string | undefined {
  const id = ids?.next()
  return id?.done === true ? undefined : id?.value
}
