import { startOwnServers } from '../test/support/own-servers.ts'
import { drainColumns, drainNote } from './drain-columns.ts'
import { drainOnce, type Drain } from './drain-once.ts'
import { inRounds, type Bench, type Part, type Planned } from './part.ts'
import { asShipped } from './stage-processes.ts'
import { missingTempo, startTraceBackend } from './trace-backend.ts'

interface DrainCase extends Planned {
  /** The share of traces that are kept; without it there is no tracer. */
  readonly ratio?: number
}

const cases: readonly DrainCase[] = [
  { name: 'untraced', about: 'rows, counters and metrics; no tracer' },
  { name: 'sampled', about: 'a tracer that keeps one trace in ten', ratio: 0.1 },
  { name: 'kept', about: 'a tracer that keeps every trace', ratio: 1 },
]

async function measure(bench: Bench) {
  await using servers = await startOwnServers()
  const notes = new Set([drainNote, spansNote])
  const measured = await inRounds(bench, cases, async ({ ratio }) => {
    const drain: Drain = { messages: bench.sizes.messages, commands: asShipped }
    if (ratio === undefined) return await drainOnce(servers, drain, bench)
    await using backend = await startTraceBackend()
    if (backend.tempo === undefined) notes.add(missingTempo)
    return await drainOnce(servers, { ...drain, traces: { backend, ratio } }, bench)
  })
  return { columns: drainColumns, notes: [...notes], ...measured }
}

const spansNote =
  'The tracer is done after the seconds from the last finish until its group has no backlog. Spans exported are 13 for each ' +
  'trace that the tracer says it exported; received and discarded are what Tempo says; whole are those of 500 traces, chosen ' +
  'by chance, that Tempo shows with all of their spans.'

export const drain: Part = {
  name: 'drain',
  about:
    'Messages of 12 integers wait on the first topic, put there by the generator without traces; then the processes start. ' +
    'Their /metrics are read every 5 s.',
  measure,
}
