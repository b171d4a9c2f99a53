import { setTimeout as pause } from 'node:timers/promises'
import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace'

export interface SpanQueueOptions {
  /** Spans that may wait; what comes on top is dropped and counted. Bounds memory at about 1 KiB a span. */
  readonly capacity: number
  /** Spans of one export. */
  readonly batch: number
  /** Exports under way at once. */
  readonly concurrency: number
  /** How long a span may wait for a batch to fill, in milliseconds. */
  readonly delayMs: number
  /** Told how many spans were lost: no room, or the backend did not take them. */
  readonly onLost: (spans: number) => void
}

export interface SpanQueue extends SpanProcessor {
  /**
   * Settles when so few spans are left that more are welcome: for whoever could make thousands at once. It waits a second
   * at most, and not at all for a backend that did not take the latest.
   */
  room(spans: number): Promise<void>
  /** Waits no longer: what has not been exported is lost. */
  giveUp(): void
}

const SAMPLED = 1

/** The longest that somebody waits for room, and how often he looks at least. */
const [ROOM_MS, ROOM_STEP_MS] = [1000, 50]

/**
 * Takes ended spans and exports them in batches, several at once. The SDK's own processor exports one batch at a time,
 * drops without a count that one could read, and at its end sends everything at once, more than the exporter allows.
 * A backend that is away costs the spans that find no room; nobody waits for it but who asks for {@link SpanQueue.room}.
 */
export function createSpanQueue(exporter: SpanExporter, options: SpanQueueOptions): SpanQueue {
  const waiting: ReadableSpan[] = []
  const underWay = new Set<Promise<void>>()
  let timer: NodeJS.Timeout | undefined
  let report = options.onLost
  /** Spans of which nobody knows yet what becomes of them. */
  let unsettled = 0
  let isTaking = true

  const exportBatch = async () => {
    const spans = waiting.splice(0, options.batch)
    isTaking = await isExported(exporter, spans)
    if (!isTaking) report(spans.length)
    unsettled -= spans.length
  }
  const pump = (atLeast: number) => {
    while (underWay.size < options.concurrency && waiting.length >= atLeast) {
      const exporting = exportBatch().finally(() => {
        underWay.delete(exporting)
        pump(options.batch)
      })
      underWay.add(exporting)
    }
    if (waiting.length > 0) timer ??= setTimeout(pumpRest, options.delayMs).unref()
  }
  const pumpRest = () => {
    timer = undefined
    pump(1)
  }
  const flush = async () => {
    while (waiting.length > 0 || underWay.size > 0) {
      pump(1)
      await Promise.race(underWay)
    }
  }
  const onEnd = (span: ReadableSpan) => {
    if ((span.spanContext().traceFlags & SAMPLED) === 0) return
    if (waiting.length >= options.capacity) return report(1)
    waiting.push(span)
    unsettled += 1
    pump(options.batch)
  }
  const shutdown = () => flush().then(() => exporter.shutdown())
  const room = (spans: number) => waitWhile(() => unsettled > spans && isTaking, underWay)
  const giveUp = () => {
    report(unsettled)
    report = () => undefined
  }
  return { onStart: () => undefined, onEnd, room, forceFlush: flush, shutdown, giveUp }
}

async function waitWhile(isCrowded: () => boolean, underWay: ReadonlySet<Promise<void>>): Promise<void> {
  for (let waited = 0; waited < ROOM_MS && isCrowded(); waited += ROOM_STEP_MS) {
    await Promise.race([...underWay, pause(ROOM_STEP_MS)])
  }
}

function isExported(exporter: SpanExporter, spans: ReadableSpan[]): Promise<boolean> {
  const exporting = new Promise<boolean>((resolve) => {
    exporter.export(spans, ({ error, code }) => resolve(!error && !code))
  })
  // An exporter may also throw: its spans are lost then, and nobody else is to suffer from it.
  return exporting.catch(() => false)
}
