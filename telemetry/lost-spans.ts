import type { Log } from '../pipeline/log.ts'

export interface LostSpans extends Disposable {
  /** So many spans more are lost. */
  readonly add: (spans: number) => void
}

const MINUTE_MS = 60_000

/**
 * Says that spans are lost: at once, then at most once a minute, and at the end how many in all, which is more than
 * anybody will still ask for at /metrics.
 * @param time in milliseconds, from any origin
 */
export function createLostSpans(log: Log, time = () => performance.now()): LostSpans {
  let [all, unsaid, saidAt] = [0, 0, -Infinity]
  return {
    add(spans) {
      all += spans
      unsaid += spans
      if (unsaid === 0 || time() - saidAt < MINUTE_MS) return
      log.warn(
        `${unsaid} span(s) lost: the trace backend does not take them, or not as fast as they come. ` +
          'Is OTEL_EXPORTER_OTLP_ENDPOINT right, and can it be reached?',
      )
      unsaid = 0
      saidAt = time()
    },
    [Symbol.dispose]() {
      if (all > 0) log.warn(`${all} span(s) were lost in all: their traces have holes.`)
    },
  }
}
