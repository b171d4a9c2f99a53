import { randomInt } from 'node:crypto'
import { pipeline } from '../stages/index.ts'
import type { Figures } from './report.ts'
import type { StageProcesses } from './stage-processes.ts'
import type { Tempo, TraceBackend } from './trace-backend.ts'

/** One where the message entered, and two of each stage. */
const SPANS_A_TRACE = 1 + 2 * pipeline.length
const SAMPLE = 500
/** Tempo shows a trace a moment after it has answered for it. */
const PATIENCE_MS = 10_000

export interface Traced {
  readonly backend: TraceBackend
  /** Among them the tracer, which has nothing left to do. */
  readonly stages: StageProcesses
  /** The traces that should be there. */
  readonly ids: readonly string[]
}

/** What became of the spans of these traces, on a backend that got no others. */
export async function traceFigures({ backend: { tempo }, stages, ids }: Traced): Promise<Figures> {
  const exported = await stages.sumOf('throughline_traces_total', 'outcome="exported"')
  const expected = { spansExpected: ids.length * SPANS_A_TRACE, spansExported: exported * SPANS_A_TRACE }
  if (tempo === undefined) return expected
  const { received, discarded } = await tempo.count()
  return {
    ...expected,
    spansReceived: received,
    spansDiscarded: discarded,
    spansLost: Math.max(0, expected.spansExpected - received) + discarded,
    tracesWhole: await wholeTraces(tempo, ids),
  }
}

/** How many of 500 traces, chosen by chance, Tempo shows with exactly their spans. */
async function wholeTraces({ spansOf }: Tempo, ids: readonly string[]): Promise<number> {
  if (ids.length === 0) return 0
  const latest = performance.now() + PATIENCE_MS
  let whole = 0
  for (let look = 0; look < SAMPLE; look += 1) {
    const id = ids[randomInt(ids.length)] ?? ''
    let spans = await spansOf(id)
    while (spans !== SPANS_A_TRACE && performance.now() < latest) spans = await spansOf(id)
    whole += Number(spans === SPANS_A_TRACE)
  }
  return whole
}
