import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { max, median, sum } from 'simple-statistics'
import { runToEnd } from '../local/child-process.ts'
import { tracerName } from '../pipeline/route.ts'
import { select, type Database } from '../sql/database.ts'
import { pipeline } from '../stages/index.ts'
import { EVENT_LOOP_SAMPLE_MS } from '../telemetry/metrics.ts'
import { sleep } from '../telemetry/wait-until.ts'
import { startDedicatedServers } from '../test/support/processes/dedicated-servers.ts'
import { startRun } from './benchmark-run.ts'
import { childrenOf, handlesOf, memoryOf, type Components } from './machine.ts'
import { metricSum, startProcesses, startTraceBackend, throughline } from './processes.ts'
import { problemOf, type Case, type Figures, type Suite } from './suite.ts'

const RATE = 200
const BURST_MESSAGES = 10_000
const BURST_EVERY_MINUTES = 10
const SAMPLE_EVERY_MS = 10_000
/** Of the samples: the first part warms up, the next one is compared with the last. */
const PARTS = 6

const CHANGE = 'change %'
const STAGE_MB = 'MB of the largest stage'
const flat = [
  STAGE_MB,
  'MB of the tracer',
  'MB of the monitor',
  'MB of the generator',
  'handles of all processes',
  'connections to Postgres',
  'rows of system catalogues',
  'bytes a message in Postgres',
  'bytes a message in Kafka',
]
const LAG = 'event loop lag p99 ms, the worst process'
const PER_SECOND = 'finished a second'
const AT_END = 'at the end'
const PICTURE = 'soak.svg'

export const soak: Suite = {
  name: 'soak',
  about:
    `${RATE} messages a second, and ${BURST_MESSAGES.toLocaleString('en-US')} more at once every ${BURST_EVERY_MINUTES} minutes, with ` +
    'tracer, monitor and a tenth of the traces kept.',
  goals: [
    { of: PER_SECOND, figure: AT_END, atLeast: RATE * 0.95 },
    ...flat.map((of) => ({ of, figure: CHANGE, below: 10 })),
    { of: LAG, figure: AT_END, below: 50 },
  ],
  async measure({ sizes: { minutes }, signal: interrupted }) {
    await using servers = await startDedicatedServers()
    await using backend = await startTraceBackend()
    await using run = await startRun(servers, backend.variables(0.1))
    const names = [...pipeline.map(({ name }) => name), tracerName, 'monitor', 'generator']
    await using processes = await startProcesses(names, { ...run.env, RATE: String(RATE) }, interrupted)
    const { components, signal, pages } = processes
    const problems: string[] = []
    const burst = () =>
      runToEnd({ ...throughline(['generator', '--messages', String(BURST_MESSAGES)], run.env), signal }).catch(
        (error: unknown) => void problems.push(`a burst: ${problemOf(error)}`),
      )
    const samples: Figures[] = []
    const begun = performance.now()
    let before = { at: begun, finished: 0 }
    for (let bursts = 1; performance.now() - begun < minutes * 60_000;) {
      const isDue = performance.now() - begun > bursts * BURST_EVERY_MINUTES * 60_000
      if (isDue) void burst()
      if (isDue) bursts += 1
      const ofServers = { broker: servers.kafka.pid, postgres: servers.postgres.pid, directory: servers.kafkaDirectory }
      const { finished } = await run.counts()
      const at = performance.now()
      samples.push({
        [PER_SECOND]: (finished - before.finished) / ((at - before.at) / 1000),
        ...processFigures(components, pages()),
        ...(await serverFigures(run.database, ofServers, finished)),
      })
      before = { at, finished }
      await sleep(SAMPLE_EVERY_MS, signal)
      signal.throwIfAborted()
    }
    return { cases: compared(samples), problems, note, pictures: { [PICTURE]: chartsOf(samples, minutes) } }
  },
}

const note =
  `![Every series over the time of the run](${PICTURE})\n\nA sample every ${SAMPLE_EVERY_MS / 1000} s; medians of the second and of ` +
  `the last sixth of the time. Memory is resident; of Postgres what its processes do not share. Bytes a message are those of ` +
  `the database and of Kafka's directory, by the messages that have finished. The broker has no goal: its heap may grow to its limit.`

function processFigures(components: Components, pages: readonly (string | undefined)[]): Figures {
  const all = Object.values(components).flat()
  const megabytes = (name: string) => max((components[name] ?? []).map((pid) => memoryOf(pid, 'VmRSS')))
  const lags = pages.map((page) => metricSum(page ?? '', 'nodejs_eventloop_lag_p99_seconds') * 1000 - EVENT_LOOP_SAMPLE_MS)
  return {
    [STAGE_MB]: megabytes('stages'),
    'MB of the tracer': megabytes(tracerName),
    'MB of the monitor': megabytes('monitor'),
    'MB of the generator': megabytes('generator'),
    'handles of all processes': sum(all.map(handlesOf)),
    [LAG]: max([0, ...lags]),
  }
}

interface ServerPlaces {
  readonly broker: number
  readonly postgres: number
  readonly directory: string
}

async function serverFigures(
  database: Database,
  { broker, postgres, directory }: ServerPlaces,
  finished: number,
): Promise<Figures> {
  const [row] = await select<{ connections: number; catalogues: number; bytes: number; entered: number }>(
    database,
    `select (select count(*) from pg_stat_activity where backend_type = 'client backend')::float8 as connections,
       (select sum(n_live_tup + n_dead_tup) from pg_stat_sys_tables where schemaname = 'pg_catalog')::float8 as catalogues,
       pg_database_size(current_database())::float8 as bytes,
       (select sum(entered) from counters)::float8 as entered`,
  )
  const { connections = 0, catalogues = 0, bytes = 0, entered = 0 } = row ?? {}
  const inKafka = await bytesBelow(directory)
  return {
    'MB of the broker': memoryOf(broker, 'VmRSS'),
    'MB of Postgres': sum([postgres, ...childrenOf(postgres)].map((pid) => memoryOf(pid, 'RssAnon'))),
    'connections to Postgres': connections,
    'rows of system catalogues': catalogues,
    'bytes a message in Postgres': finished === 0 ? 0 : bytes / finished,
    'bytes a message in Kafka': finished === 0 ? 0 : inKafka / finished,
    'messages under way': Math.max(0, entered - finished),
  }
}

/** Kafka deletes and renames files meanwhile: those that are gone count nothing. */
async function bytesBelow(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => [])
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  // Allocated blocks: indexes are sparse files.
  const sizes = files.map((path) =>
    stat(path).then(
      ({ blocks }) => blocks * 512,
      () => 0,
    ),
  )
  return sum(await Promise.all(sizes))
}

/** A case for each series. */
function compared(samples: readonly Figures[]): Case[] {
  const length = Math.max(1, Math.floor(samples.length / PARTS))
  return Object.keys(samples[0] ?? {}).map((name) => {
    const values = samples.map((sample) => sample[name] ?? 0)
    const [warm, last] = [median(values.slice(length, 2 * length)), median(values.slice(-length))]
    const change = warm === last ? 0 : ((last - warm) / warm) * 100
    return { name, rounds: [{ 'after warm-up': warm, [AT_END]: last, most: max(values), [CHANGE]: change }] }
  })
}

const [WIDTH, HEIGHT, COLUMNS, GAP] = [300, 90, 3, 34]

/** A small line chart of each series, as SVG: from 0 to its largest value, over the minutes of the run. */
function chartsOf(samples: readonly Figures[], minutes: number): string {
  const names = Object.keys(samples[0] ?? {})
  const rows = Math.ceil(names.length / COLUMNS)
  const charts = names.map((name, index) => {
    const values = samples.map((sample) => sample[name] ?? 0)
    const [x, y] = [(index % COLUMNS) * (WIDTH + GAP) + GAP, Math.floor(index / COLUMNS) * (HEIGHT + 2 * GAP) + GAP]
    return `<g transform="translate(${x} ${y})">${chart(name, values, minutes)}</g>`
  })
  const [width, height] = [COLUMNS * (WIDTH + GAP) + GAP, rows * (HEIGHT + 2 * GAP) + GAP]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12">`,
    '<rect width="100%" height="100%" fill="white"/>',
    ...charts,
    '</svg>\n',
  ].join('\n')
}

function chart(name: string, values: readonly number[], minutes: number): string {
  const most = max([...values])
  const step = WIDTH / Math.max(1, values.length - 1)
  const points = values.map((value, at) => `${(at * step).toFixed(1)},${(HEIGHT * (1 - value / (most || 1))).toFixed(1)}`)
  return [
    `<text y="-6">${name}, at most ${most.toLocaleString('en-US', { maximumFractionDigits: 1 })}</text>`,
    `<path d="M0 0V${HEIGHT}H${WIDTH}" fill="none" stroke="#999"/>`,
    `<polyline points="${points.join(' ')}" fill="none" stroke="#1f60c4" stroke-width="1.5"/>`,
    `<text x="${WIDTH}" y="${HEIGHT + 14}" text-anchor="end" fill="#666">${minutes} min</text>`,
  ].join('')
}
