import { ExportResultCode } from '@opentelemetry/core'
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
}

export interface SpanQueue extends SpanProcessor {
  /** Spans that were lost so far: no room, or the backend did not take them. */
  readonly dropped: number
}

/**
 * Takes ended spans and exports them in batches, several at once. The SDK's own processor exports one batch at a time,
 * drops without a count that one could read, and at its end sends everything at once, more than the exporter allows.
 * A backend that is away costs the spans that find no room, and never makes anybody wait.
 */
export function createSpanQueue(exporter: SpanExporter, options: SpanQueueOptions): SpanQueue {
  let waiting: ReadableSpan[] = []
  let dropped = 0
  let timer: NodeJS.Timeout | undefined
  const underWay = new Set<Promise<void>>()

  const exportOne = (spans: ReadableSpan[]) =>
    new Promise<void>((resolve) => {
      exporter.export(spans, ({ code }) => {
        if (code !== ExportResultCode.SUCCESS) dropped += spans.length
        resolve()
      })
    })

  /** Starts as many exports as may run; smaller ones than a batch only when `all` is to go. */
  const pump = (all: boolean) => {
    while (underWay.size < options.concurrency && waiting.length >= (all ? 1 : options.batch)) {
      const exporting = exportOne(waiting.splice(0, options.batch)).finally(() => {
        underWay.delete(exporting)
        pump(false)
      })
      underWay.add(exporting)
    }
    if (waiting.length > 0) timer ??= setTimeout(tick, options.delayMs).unref()
  }
  const tick = () => {
    timer = undefined
    pump(true)
  }
  const flush = async () => {
    while (waiting.length > 0 || underWay.size > 0) {
      pump(true)
      await Promise.race(underWay)
    }
  }

  return {
    get dropped() {
      return dropped
    },
    onStart: () => undefined,
    onEnd(span) {
      if ((span.spanContext().traceFlags & 1) === 0) return
      if (waiting.length >= options.capacity) {
        dropped += 1
        return
      }
      waiting.push(span)
      pump(false)
    },
    forceFlush: flush,
    async shutdown() {
      await flush()
      clearTimeout(timer)
      waiting = []
      await exporter.shutdown()
    },
  }
}
