import { startProcess } from '../../local/pipeline-process.ts'
import type { Child } from '../../local/child-process.ts'
import { childEnvironment } from '../../pipeline/config.ts'
import { newMessageId } from '../../pipeline/message.ts'
import { pipeline as catalogue } from '../../stages/index.ts'
import { freshPipeline, type FreshPipeline } from './fresh-pipeline.ts'
import { startOtlpReceiver, type OtlpReceiver } from './otlp-receiver.ts'
import { CONSUMER, PRODUCER, type ReceivedSpan } from './read-otlp.ts'

/** A pipeline of real processes, with an OTLP backend at the end. */
export interface TracedPipeline extends FreshPipeline {
  readonly receiver: OtlpReceiver
  /** The latest that was started. */
  readonly tracer: Child
  startTracer(): Promise<void>
  /** Runs a stage as a process, with changes of its environment. */
  start(stage: string, changes?: Readonly<Record<string, string>>): Promise<Child>
  /** Runs a command of the CLI to its end. */
  throughline(...args: string[]): Promise<void>
  /** The spans about a message, each once, by when they began. */
  spansAbout(id: string, traceId?: string): ReceivedSpan[]
  /** How many of the messages went through all stages. */
  finished(ids: readonly string[]): Promise<number | undefined>
}

/** @param settings of all its processes */
export async function tracedPipeline(
  settings: Readonly<Record<string, string>> = {},
): Promise<TracedPipeline> {
  await using starting = new AsyncDisposableStack()
  // One partition: what is sent at once is taken at once.
  const pipeline = starting.use(
    await freshPipeline({ TOPIC_PARTITIONS: '1', LOG_LEVEL: 'info', ...settings }),
  )
  const receiver = starting.use(await startOtlpReceiver())
  const env = {
    ...pipeline.env,
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    // Milliseconds: a backend that hangs is given up soon.
    OTEL_EXPORTER_OTLP_TIMEOUT: '3000',
  }
  const run = (args: readonly string[], changes = {}) =>
    startProcess({ name: args.join(' '), args, env: childEnvironment({ ...env, ...changes }) })
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
    async throughline(...args) {
      const child = await run(args)
      const { code } = await child.exited
      if (code !== 0) throw new Error(`${child.name} ended with ${code}:\n${child.lastLines()}`)
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
  const about = spans.filter(
    (span) => span.attributes['messaging.message.id'] === id || span.traceId === traceId,
  )
  const unique = new Map(about.map((span) => [span.spanId, span]))
  return [...unique.values()].toSorted((one, other) =>
    Number(one.startTimeUnixNano - other.startTimeUnixNano),
  )
}

/** A traceparent of a trace that is not kept. */
export function unsampled() {
  const traceId = newMessageId()
  return { traceId, traceparent: `00-${traceId}-00f067aa0ba902b7-00` }
}

export const services = catalogue.map(({ name }) => name)

/** Who made a span, and of which kind, all the way through the stages. */
export const wholePath = services.flatMap((service) => [
  [service, CONSUMER],
  [service, PRODUCER],
])

export const shape = (spans: readonly ReceivedSpan[]) => spans.map(({ service, kind }) => [service, kind])
