import { startOwnServers } from '../test/own-servers.ts'
import { drainColumns, drainNote } from './drain-columns.ts'
import { drainOnce, type Drain } from './drain-once.ts'
import { inRounds, type Bench, type Part, type Planned } from './part.ts'
import { startKeeper, startSink, type SpanBackend } from './span-backend.ts'
import { asShipped } from './stage-processes.ts'

interface DrainCase extends Planned {
  /** Where its traces go, and how many of them. */
  readonly traces?: { readonly start: () => Promise<SpanBackend>; readonly ratio: number }
}

const cases: readonly DrainCase[] = [
  { name: 'untraced', about: 'rows, counters and metrics; no traces' },
  {
    name: 'sampled',
    about: 'one trace in ten, kept by Tempo where it is installed',
    traces: { start: startKeeper, ratio: 0.1 },
  },
  {
    name: 'sink',
    about: 'every trace, to a process that counts spans',
    traces: { start: startSink, ratio: 1 },
  },
  {
    name: 'kept',
    about: 'every trace, kept by Tempo where it is installed',
    traces: { start: startKeeper, ratio: 1 },
  },
]

async function measure(bench: Bench) {
  await using servers = await startOwnServers()
  const backends = new Set<string>()
  const { cases: measured, problems } = await inRounds(bench, cases, async ({ traces }) => {
    const drain: Drain = { messages: bench.sizes.messages, commands: asShipped }
    if (traces === undefined) return await drainOnce(servers, drain, bench)
    await using backend = await traces.start()
    backends.add(backend.name)
    return await drainOnce(servers, { ...drain, traces: { backend, ratio: traces.ratio } }, bench)
  })
  const missing = 'Tempo is not installed (TEMPO_BIN): every backend was the process that counts spans.'
  const wantsTempo = bench.wants('sampled') || bench.wants('kept')
  const notes = [drainNote, spansNote, ...(wantsTempo && !backends.has('Tempo') ? [missing] : [])]
  return { columns: drainColumns, cases: measured, notes, problems }
}

const spansNote =
  'Spans: 12 a message, two of each stage. Lost are those that never arrived and those that the backend says it ' +
  'discarded. What a stage gives up, because it found no room or no answer came in time, may have arrived. Whole are ' +
  'those of 50 traces, chosen by chance, that Tempo shows with all of their spans. Settled is the time from the last ' +
  'finish to the last span.'

export const drain: Part = {
  name: 'drain',
  about:
    'Messages of 12 integers wait on the first topic, put there by the generator without traces; then the stage processes start. ' +
    'Their /metrics are read every 5 s.',
  measure,
}
