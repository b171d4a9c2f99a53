import { max } from 'simple-statistics'
import { runToEnd } from '../local/child-process.ts'
import { tracerName } from '../pipeline/route.ts'
import type { Database } from '../sql/database.ts'
import { pipeline } from '../stages/index.ts'
import { startDedicatedServers, type DedicatedServers } from '../test/support/processes/dedicated-servers.ts'
import { startRun } from './benchmark-run.ts'
import { bareLoop, PER_SECOND } from './ceilings.ts'
import { measureCpu, memoryOf } from './machine.ts'
import { startProcesses, startTraceBackend, throughline, type TraceBackend } from './processes.ts'
import { repeat, type BenchContext, type Figures, type Suite } from './suite.ts'

/** The entry span, and two of each stage. */
const SPANS_A_TRACE = 1 + 2 * pipeline.length

const BARE_LOOP = 'bare loop with rows'
const FINISHED = 'finished/s'
const BYTES = 'bytes a message in Postgres'
const PEAK = 'peak MB of a stage'
const DONE_AFTER = 'tracer done after s'
const LOST = 'spans lost'
const cpuOf = (component: string) => `CPU us a message: ${component}`

export const drain: Suite = {
  name: 'drain',
  about:
    'Messages of 12 integers wait on the first topic, put there by the generator without traceparent; then the stages start. ' +
    'Their metrics are scraped every 5 s.',
  goals: [
    { of: 'untraced', figure: FINISHED, atLeast: 8000 },
    { of: 'untraced', to: BARE_LOOP, figure: FINISHED, atLeast: 0.65 },
    { of: 'sampled', to: 'untraced', figure: FINISHED, atLeast: 0.97 },
    { of: 'kept', figure: DONE_AFTER, below: 180 },
    { of: 'kept', figure: LOST, below: 1 },
    { of: 'untraced', figure: cpuOf('stages'), below: 145 },
    { of: 'untraced', figure: cpuOf('Postgres'), below: 75 },
    { of: 'untraced', figure: cpuOf('broker'), below: 28 },
    { of: 'untraced', figure: BYTES, below: 2900 },
    { of: 'kept', figure: PEAK, below: 140 },
  ],
  async measure(context) {
    await using servers = await startDedicatedServers()
    const bare = async () => {
      await using run = await startRun(servers)
      const { [PER_SECOND]: perSecond = 0 } = await bareLoop(run, 'rows', context)
      return { [FINISHED]: perSecond }
    }
    const measured = await repeat(context, [
      { name: 'untraced', about: 'no tracer', measure: () => measureDrain(servers, 0, context) },
      {
        name: 'sampled',
        about: 'a tracer that keeps one trace in ten',
        measure: () => measureDrain(servers, 0.1, context),
      },
      { name: 'kept', about: 'a tracer that keeps every trace', measure: () => measureDrain(servers, 1, context) },
      { name: BARE_LOOP, about: 'as in `ceilings`', measure: bare },
    ])
    return { ...measured, note }
  },
}

const note =
  `${FINISHED} is from the first start at the first stage to the last finish. CPU time includes child processes: of the stages ` +
  'until the last finish, of all others until the tracer has no backlog, which is when it is done. Spans received and ' +
  `discarded are counted by Tempo; of ${SPANS_A_TRACE} a message, those are lost that it did not receive or discarded.`

/**
 * Puts messages on the first topic, then measures until all have finished. The first stage is started last, when the others
 * are ready, so that their start is not measured.
 * @param share of the traces that are kept; 0 for no tracer
 */
async function measureDrain(servers: DedicatedServers, share: number, context: BenchContext): Promise<Figures> {
  const { messages } = context.sizes
  await using backend = share === 0 ? undefined : await startTraceBackend()
  await using run = await startRun(servers, backend?.variables(share))
  // Without traceparent, so that all drains start alike and the first stage decides which traces are kept.
  const untraced = { ...run.env, OTEL_SDK_DISABLED: 'true' }
  await runToEnd({ ...throughline(['generator', '--messages', String(messages)], untraced), signal: context.signal })
  // Otherwise Postgres writes what the generator left at any time while the stages work.
  await run.database.query('checkpoint')
  const [first = '', ...others] = pipeline.map(({ name }) => name)
  if (backend !== undefined) others.push(tracerName)
  await using waiting = await startProcesses(others, run.env, context.signal)
  await using beginning = await startProcesses([first], run.env, waiting.signal)
  const stages = [waiting, beginning].flatMap(({ components }) => components['stages'] ?? [])
  const { kafka, postgres } = servers
  const components = { ...waiting.components, stages, broker: [kafka.pid], Postgres: [postgres.pid] }
  const usage = measureCpu({ ...components, ...backend?.components })
  await run.waitFor(messages, 'finished', beginning.signal)
  const atFinish = usage()
  if (backend !== undefined) await run.waitFor(messages, 'traced', beginning.signal)
  const [doneAt, atEnd] = [Date.now() / 1000, usage()]
  const { lastAt, ...figures } = await readRows(run.database, messages)
  // Stages have no work while the tracer catches up, but use some CPU time: it does not count.
  const seconds = { ...atEnd.components, stages: atFinish.components['stages'] ?? 0 }
  return {
    ...figures,
    ...Object.fromEntries(Object.entries(seconds).map(([name, used]) => [cpuOf(name), (used * 1e6) / messages])),
    [PEAK]: max(stages.map((pid) => memoryOf(pid, 'VmHWM'))),
    'others, % of the machine': atEnd.othersPercent,
    ...(backend && { [DONE_AFTER]: Math.max(0, doneAt - lastAt), ...(await spanFigures(backend, share, messages)) }),
  }
}

/** What the rows say of a drain; `lastAt` is the time of the last finish in seconds since the epoch. */
async function readRows(database: Database, messages: number) {
  const { rows } = await database.query<{ count: number; seconds: number; lastAt: number; bytes: number }>(
    `select count(*)::float8 as count, extract(epoch from max(finished_at))::float8 as "lastAt",
       extract(epoch from max(finished_at) - (select min(started_at) from results))::float8 as seconds,
       (select sum(pg_total_relation_size(relid))::float8 from pg_stat_user_tables) as bytes
     from finished`,
  )
  const { count = 0, seconds = 0, lastAt = 0, bytes = 0 } = rows[0] ?? {}
  if (count !== messages) throw new Error(`${count} messages of ${messages} have finished`)
  return { [FINISHED]: count / seconds, [BYTES]: bytes / count, lastAt }
}

async function spanFigures(backend: TraceBackend, share: number, messages: number): Promise<Figures> {
  const spans = await backend.countSpans()
  if (spans === undefined) return {}
  const { received, discarded } = spans
  const lost = share === 1 && { [LOST]: Math.max(0, messages * SPANS_A_TRACE - received) + discarded }
  return { 'spans received': received, 'spans discarded': discarded, ...lost }
}
