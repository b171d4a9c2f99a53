import { randomInt } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Figures } from './report.ts'
import type { SpanBackend } from './span-backend.ts'
import type { StageProcesses } from './stage-processes.ts'

export interface Accounting {
  readonly backend: SpanBackend
  readonly stages: StageProcesses
  readonly signal: AbortSignal
}

/** What became of the spans of traces: waits until no more arrive. */
export type SettleSpans = (traceIds: readonly string[], spansEach: number) => Promise<Figures>

/** Processes export what is left every five seconds. */
const PATIENCE_MS = 10_000
/** What comes after the last one that was expected would be one too many. */
const AFTERWARDS_MS = 2000
const SAMPLE = 50

/** Begins to count the spans that arrive. */
export async function openSpanAccount({ backend, stages, signal }: Accounting): Promise<SettleSpans> {
  const givenUp = () => stages.sumOf('throughline_spans_lost_total')
  const [before, givenUpBefore] = [await backend.count(), await givenUp()]
  const arrived = async () => {
    const { received, discarded } = await backend.count()
    return { received: received - before.received, discarded: discarded - before.discarded }
  }
  return async (traceIds, spansEach) => {
    await requireNoneTwice(stages)
    const expected = traceIds.length * spansEach
    const begun = performance.now()
    let [seen, changedAt] = [(await arrived()).received, begun]
    while (seen < expected && performance.now() - changedAt < PATIENCE_MS) {
      await pause(100, undefined, { signal })
      const { received } = await arrived()
      if (received > seen) [seen, changedAt] = [received, performance.now()]
    }
    await pause(AFTERWARDS_MS, undefined, { signal })
    const { received, discarded } = await arrived()
    return {
      spansExpected: expected,
      spansLost: expected - received + discarded,
      spansGivenUp: (await givenUp()) - givenUpBefore,
      settleSeconds: (changedAt - begun) / 1000,
      ...(await looked(backend, traceIds, spansEach)),
    }
  }
}

/** A message that came again exports its spans again: they would stand in for those that were lost. */
async function requireNoneTwice(stages: StageProcesses): Promise<void> {
  const again = await stages.sumOf('throughline_messages_total', 'outcome="redelivered"')
  if (again > 0) throw new Error(`${again} messages came again, so spans cannot be counted`)
}

/** Looks at some traces by chance, and again, for some seconds, at one that is not whole yet. */
async function looked(
  { spansOf }: SpanBackend,
  traceIds: readonly string[],
  spansEach: number,
): Promise<Figures> {
  if (spansOf === undefined || traceIds.length === 0) return {}
  const latest = performance.now() + PATIENCE_MS
  let tracesWhole = 0
  for (let look = 0; look < SAMPLE; look += 1) {
    const id = traceIds[randomInt(traceIds.length)] ?? ''
    let spans = await spansOf(id)
    while (spans !== spansEach && performance.now() < latest) spans = await spansOf(id)
    tracesWhole += Number(spans === spansEach)
  }
  return { tracesWhole }
}
