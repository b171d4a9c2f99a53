import { setTimeout as pause } from 'node:timers/promises'
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
  type Resource,
} from '@opentelemetry/resources'
import { tracesProtocol, type Config } from '../pipeline/config.ts'
import { traceIdOf } from '../pipeline/message.ts'
import { nobody, type Observer } from '../pipeline/observer.ts'
import { formatTraceparent } from '../pipeline/traceparent.ts'
import { entering } from './entering.ts'
import { createExporter } from './exporter.ts'
import { createSampling, samplerOf } from './sampling.ts'
import { spanId } from '../pipeline/span-ids.ts'
import { createSpanQueue } from './span-queue.ts'
import { spansOf } from './stage-spans.ts'

export interface Tracing {
  readonly observer: Observer
  /** Exports what waits, for at most three seconds. */
  readonly stop: () => Promise<void>
}

export interface TracingOptions {
  /** service.name, unless OTEL_SERVICE_NAME says otherwise. */
  readonly service: string
  readonly config: Config
  /** Whether messages enter here: their spans are the instrumentation's. Stages make their own. */
  readonly isEntry: boolean
  readonly onLost: (spans: number) => void
}

const FLUSH_MS = 3000

/** The SDK's spans are large, and messages enter by the thousand in a second: so many are exported together. */
const ENTRY_SPANS = 200
/** How many of those may wait while the backend is away. */
const ENTRY_CAPACITY = 2000

/**
 * Starts tracing by OpenTelemetry. Endpoint, headers and resource come from its own OTEL_* variables.
 * @throws when messages enter here and the instrumentation cannot wrap kafkajs
 */
export async function startTracing({ service, config, isEntry, onLost }: TracingOptions): Promise<Tracing> {
  const resource = resourceOf(service)
  const sampler = samplerOf(config)
  const [waiting, together] = isEntry ? [ENTRY_CAPACITY, ENTRY_SPANS] : [Infinity, Infinity]
  const capacity = Math.min(config.OTEL_BSP_MAX_QUEUE_SIZE, waiting)
  const queue = createSpanQueue(await createExporter(tracesProtocol(config), onLost), {
    capacity,
    batch: Math.min(config.OTEL_BSP_MAX_EXPORT_BATCH_SIZE, capacity, together),
    concurrency: 4,
    delayMs: config.OTEL_BSP_SCHEDULE_DELAY,
    onLost,
  })
  const entry = isEntry ? await import('./entry-sdk.ts') : undefined
  const running = entry?.startEntrySdk({ resource, sampler, queue }) ?? queue
  const isSampled = createSampling(sampler)
  return {
    async stop() {
      const isFlushed = running.shutdown().then(() => true)
      if (!(await Promise.race([isFlushed, pause(FLUSH_MS, false, { ref: false })]))) queue.giveUp()
    },
    observer: {
      ...nobody,
      entering: async (records, send) => {
        await queue.room(ENTRY_SPANS)
        return await entering(records, send)
      },
      traceparent: (message, { stage }) => {
        const sending = spanId(message.id, message.attempt, stage.name, 'send')
        const sampled = isSampled(message)
        return formatTraceparent({ traceId: traceIdOf(message), spanId: sending, sampled })
      },
      batchDone: (publication, route) => {
        for (const span of spansOf(publication, route, resource, isSampled)) queue.onEnd(span)
      },
    },
  }
}

function resourceOf(service: string): Resource {
  const own = resourceFromAttributes({ 'service.name': service, 'service.namespace': 'throughline' })
  const detected = detectResources({ detectors: [serviceInstanceIdDetector, envDetector] })
  return defaultResource().merge(own).merge(detected)
}
