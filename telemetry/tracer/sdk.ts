import { AsyncLocalStorage } from 'node:async_hooks'
import { context, ROOT_CONTEXT, trace, TraceFlags } from '@opentelemetry/api'
import { isWrapped, type Instrumentation } from '@opentelemetry/instrumentation'
import { KafkaJsInstrumentation } from '@opentelemetry/instrumentation-kafkajs'
import { NodeSDK } from '@opentelemetry/sdk-node'
import {
  AlwaysOffSampler,
  NoopSpanProcessor,
  ParentBasedSampler,
  RandomIdGenerator,
  type IdGenerator,
} from '@opentelemetry/sdk-trace'
import { loadKafkajs } from '../../kafka/client.ts'
import type { SendInterceptor } from '../../kafka/producer.ts'
import type { Config } from '../../pipeline/config.ts'
import { headerText, ownHeaders } from '../../pipeline/headers.ts'
import type { RunInSpan } from '../../pipeline/process.ts'
import { createHeadSampler, spanId, traceIdOf } from '../trace-context.ts'

const tracesOnly = { metricReaders: [], logRecordProcessors: [] }

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
    ...tracesOnly,
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

/**
 * Starts an SDK of a stage's own. While a message is computed its process span is the active one, by the id that the tracer will
 * give it: spans of instrumented clients become its children. Only those of sampled messages are exported, by the SDK's own
 * queue, which drops spans when the backend is away: the tracer's spans are the ones that are never lost.
 */
export async function startStageSdk(
  config: Config,
  stage: string,
  instrumentations: readonly unknown[],
): Promise<{ sdk: NodeSDK; runInSpan: RunInSpan }> {
  const sdk = new NodeSDK({
    serviceName: stage,
    sampler: new ParentBasedSampler({ root: new AlwaysOffSampler() }),
    instrumentations: [...instrumentations] as Instrumentation[],
    ...tracesOnly,
  })
  sdk.start()
  const isSampled = await createHeadSampler(config)
  const runInSpan: RunInSpan = (message, run) => {
    const span = {
      traceId: traceIdOf(message),
      spanId: spanId(message.id, message.attempt, stage, 'process'),
      traceFlags: isSampled(message) ? TraceFlags.SAMPLED : TraceFlags.NONE,
      isRemote: true,
    }
    return context.with(trace.setSpanContext(ROOT_CONTEXT, span), run)
  }
  return { sdk, runInSpan }
}
