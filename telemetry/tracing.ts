import { setTimeout as pause } from 'node:timers/promises'
import { isWrapped, type Instrumentation } from '@opentelemetry/instrumentation'
import { KafkaJsInstrumentation } from '@opentelemetry/instrumentation-kafkajs'
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg'
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { tracesProtocol, type Config } from '../pipeline/config.ts'
import { loadKafkajs } from '../pipeline/kafka.ts'
import { traceIdOf } from '../pipeline/message.ts'
import { nobody, type Observer } from '../pipeline/observer.ts'
import { formatTraceparent } from '../pipeline/traceparent.ts'
import { describeEntry } from './entry-span.ts'
import { createExporter } from './exporter.ts'
import { idGenerator } from './next-ids.ts'
import { isSampled } from './sampling.ts'
import { spanId } from './span-ids.ts'
import { createSpanQueue } from './span-queue.ts'
import { spansOf } from './stage-spans.ts'
import { tracedEntry } from './traced-entry.ts'

export interface Tracing {
  readonly observer: Observer
  /** Exports what waits, for at most three seconds. */
  readonly stop: () => Promise<void>
}

export interface TracingOptions {
  /** service.name, unless OTEL_SERVICE_NAME says otherwise. */
  readonly service: string
  readonly config: Config
  /** Whether messages enter here, one at a time: their spans are the instrumentation's. Stages make their own. */
  readonly isEntry: boolean
  readonly onLost: (spans: number) => void
}

const FLUSH_MS = 3000

/** Starts the OpenTelemetry SDK. Endpoint, sampler, headers and resource come from its own OTEL_* variables. */
export function startTracing({ service, config, isEntry, onLost }: TracingOptions): Tracing {
  const resource = resourceFromAttributes({ 'service.name': service, 'service.namespace': 'throughline' })
  const whole = defaultResource()
    .merge(resource)
    .merge(detectResources({ detectors: [serviceInstanceIdDetector, envDetector] }))
  const queue = createSpanQueue(createExporter(tracesProtocol(config), onLost), {
    capacity: config.OTEL_BSP_MAX_QUEUE_SIZE,
    batch: Math.min(config.OTEL_BSP_MAX_EXPORT_BATCH_SIZE, config.OTEL_BSP_MAX_QUEUE_SIZE),
    concurrency: 4,
    delayMs: config.OTEL_BSP_SCHEDULE_DELAY,
    onLost,
  })
  const sdk = new NodeSDK({
    resource: whole,
    autoDetectResources: false,
    idGenerator,
    spanProcessors: [queue],
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: isEntry ? entryInstrumentations() : [],
  })
  sdk.start()
  if (isEntry) requireWrapped()
  return {
    async stop() {
      const isFlushed = sdk.shutdown().then(() => true)
      if (!(await Promise.race([isFlushed, pause(FLUSH_MS, false, { ref: false })]))) queue.giveUp()
    },
    observer: {
      ...nobody,
      entry: tracedEntry,
      traceparent: (message, { stage }) => {
        const sending = spanId(message.id, message.attempt, stage.name, 'send')
        const sampled = isSampled(message)
        return formatTraceparent({ traceId: traceIdOf(message), spanId: sending, sampled })
      },
      batchDone: (publication, route) => {
        for (const span of spansOf(publication, route, whole, isSampled)) queue.onEnd(span)
      },
    },
  }
}

/** Only where messages enter one at a time: a batch holds many traces, and the instrumentation would make one of them. */
function entryInstrumentations(): Instrumentation[] {
  return [
    new KafkaJsInstrumentation({ producerHook: describeEntry }),
    new PgInstrumentation({ requireParentSpan: true }),
  ]
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
