import { startThroughline } from '../../../local/throughline-process.ts'
import type { Child } from '../../../local/child-process.ts'
import { childEnvironment } from '../../../pipeline/config.ts'
import { newMessageId } from '../../../pipeline/message.ts'
import { pipeline as catalogue } from '../../../stages/index.ts'
import { freshPipeline, type FreshPipeline } from '../fresh-pipeline.ts'
import { startOtlpReceiver, type OtlpReceiver } from './otlp-receiver.ts'
import { CONSUMER, PRODUCER, type ReceivedSpan } from './decode-otlp.ts'

/** A pipeline of real processes whose tracer exports to a fake OTLP backend. */
export interface TracedPipeline extends FreshPipeline {
  readonly receiver: OtlpReceiver
  /** The last tracer that was started. */
  readonly tracer: Child
  startTracer(): Promise<void>
  /** Starts a stage as a process. @param changes to its environment */
  start(stage: string, changes?: Readonly<Record<string, string>>): Promise<Child>
  /** Starts a generator as a process. */
  startGenerator(): Promise<Child>
  /** Runs a command of the CLI to its end. */
  throughline(...args: string[]): Promise<void>
  /** The distinct spans of a message, in order of their start. */
  spansAbout(id: string, traceId?: string): ReceivedSpan[]
  /** The number of the messages that finished. */
  finished(ids: readonly string[]): Promise<number | undefined>
}

/** @param settings environment variables for all processes */
export async function startTracedPipeline(settings: Readonly<Record<string, string>> = {}): Promise<TracedPipeline> {
  await using starting = new AsyncDisposableStack()
  // With one partition, messages that are sent together are consumed as one batch.
  const pipeline = starting.use(await freshPipeline({ TOPIC_PARTITIONS: '1', LOG_LEVEL: 'info', ...settings }))
  const receiver = starting.use(await startOtlpReceiver())
  const env = {
    ...pipeline.env,
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    // Milliseconds: an export to a backend that hangs fails soon.
    OTEL_EXPORTER_OTLP_TIMEOUT: '3000',
  }
  const run = (args: readonly string[], changes = {}) =>
    startThroughline({ name: args.join(' '), args, env: childEnvironment({ ...env, ...changes }) })
  let tracer = starting.use(await run(['tracer']))
  const running = starting.move()
  return {
    ...pipeline,
    receiver,
    get tracer() {
      return tracer
    },
    async startTracer() {
      tracer = running.use(await run(['tracer']))
    },
    start: async (stage, changes) => running.use(await run(['run', stage], changes)),
    startGenerator: async () => running.use(await run(['generator'])),
    async throughline(...args) {
      const child = await run(args)
      const { code } = await child.exited
      if (code !== 0) throw new Error(`${child.name} ended with ${code}:\n${child.outputTail()}`)
    },
    spansAbout: (id, traceId = id) => spansAbout(receiver.spans, id, traceId),
    async finished(ids) {
      const text = 'select count(*)::int from finished where message_id = any($1::uuid[])'
      return (await pipeline.database.query<{ count: number }>(text, [ids])).rows[0]?.count
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

function spansAbout(spans: readonly ReceivedSpan[], id: string, traceId: string): ReceivedSpan[] {
  const about = spans.filter((span) => span.attributes['messaging.message.id'] === id || span.traceId === traceId)
  const unique = new Map(about.map((span) => [span.spanId, span]))
  return [...unique.values()].toSorted((one, other) => Number(one.startTimeUnixNano - other.startTimeUnixNano))
}

/** A traceparent whose sampled flag is not set. */
export function unsampled() {
  const traceId = newMessageId()
  return { traceId, traceparent: `00-${traceId}-00f067aa0ba902b7-00` }
}

export const services = catalogue.map(({ name }) => name)

/** Service and kind of each span of a message that passes all stages. */
export const wholePath = services.flatMap((service) => [
  [service, CONSUMER],
  [service, PRODUCER],
])

export const shape = (spans: readonly ReceivedSpan[]) => spans.map(({ service, kind }) => [service, kind])

/** The spans from the given root, each the parent of the next. @throws {Error} when a span has several children */
export function parentChain(spans: readonly ReceivedSpan[], root = ''): ReceivedSpan[] {
  const path: ReceivedSpan[] = []
  for (let parent: string | undefined = root; ; parent = path.at(-1)?.spanId) {
    const children = spans.filter((span) => span.parentSpanId === parent)
    const [child, ...others] = children
    if (others.length > 0) throw new Error(`Span ${parent} has ${children.length} children`)
    if (child === undefined) return path
    path.push(child)
  }
}
