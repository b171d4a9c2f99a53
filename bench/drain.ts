import type { Database } from '../sql/database.ts'
import { pipeline } from '../stages/index.ts'
import { startDedicatedServers } from '../test/support/processes/dedicated-servers.ts'
import { startRun } from './benchmark-run.ts'
import { bareLoop } from './ceilings.ts'
import { measureDrain, type Drain } from './measure-drain.ts'
import { plainStage, stages } from './processes.ts'
import { repeat, type CasePlan, type Figures, type Suite } from './suite.ts'

const columns = {
  finished: 'finished/s',
  stagesCpu: 'CPU us a message: stages',
  tracerCpu: 'tracer',
  PostgresCpu: 'Postgres',
  brokerCpu: 'broker',
  TempoCpu: 'Tempo',
  stageMemory: 'peak MB of a stage',
  tracerSeconds: 'tracer done after s',
  spansExported: 'spans exported',
  spansReceived: 'received',
  spansDiscarded: 'discarded',
  spansLost: 'spans lost',
  tracesWhole: 'whole of 500',
  benchShare: 'bench, % of the machine',
  otherShare: 'others, %',
}

const eachProcess = (figure: 'Cpu' | 'Memory') =>
  Object.fromEntries(
    [...pipeline.map(({ name }) => name), 'tracer', 'broker', 'Postgres', 'Tempo'].map((name) => [name + figure, name]),
  )
const tables = [
  { columns },
  { title: 'CPU us a message', columns: eachProcess('Cpu'), rowsOnPage: 0 },
  { title: 'MB', columns: eachProcess('Memory'), rowsOnPage: 0 },
]

const note =
  'finished/s is from the first start at the first stage to the last finish. CPU time includes child processes: of the stages ' +
  'until the last finish, of all others until the tracer has no backlog, which is when it is done. MB is the peak of a stage or ' +
  'the tracer, and what the others have at the end. Exported, received and discarded are spans, 13 a trace, the last two as ' +
  'counted by Tempo; whole are those of 500 random traces that Tempo shows with all their spans.'

type DrainCase = CasePlan & Omit<Drain, 'messages'>

/** What the drains are compared with: the least that processes must do for as many rows and records. */
const bareLoopCase: DrainCase = { name: 'bare loop with rows', about: 'as in `ceilings`', commands: [] }

const withSetting = (name: string, variable: string, value: string): DrainCase => {
  return { name, about: `${variable}=${value}, no tracer`, commands: stages, settings: { [variable]: value } }
}

const cases: readonly DrainCase[] = [
  { name: 'untraced', about: 'rows, counters and metrics, 4 partitions, no tracer', commands: stages },
  { name: 'sampled', about: 'a tracer that keeps one trace in ten', commands: stages, ratio: 0.1 },
  { name: 'kept', about: 'a tracer that keeps every trace', commands: stages, ratio: 1 },
  {
    name: 'no metrics',
    about: 'no metrics and no scrapes',
    commands: pipeline.map(({ name }) => plainStage(name)),
  },
  withSetting('no traceparent', 'OTEL_SDK_DISABLED', 'true'),
  withSetting('two decimals', 'NUMBERS_DECIMALS', '2'),
  withSetting('1 partition', 'TOPIC_PARTITIONS', '1'),
  withSetting('6 partitions', 'TOPIC_PARTITIONS', '6'),
  bareLoopCase,
]

export const drain: Suite = {
  name: 'drain',
  about:
    'Messages of 12 integers wait on the first topic, put there by the generator without traceparent; then the stages start. ' +
    'Their metrics are scraped every 5 s.',
  goals: [
    { of: 'untraced', key: 'finished', atLeast: 8000 },
    { of: 'untraced', to: bareLoopCase.name, key: 'finished', atLeast: 0.65 },
    { of: 'sampled', to: 'untraced', key: 'finished', atLeast: 0.97 },
    { of: 'two decimals', to: 'untraced', key: 'finished', atLeast: 0.8 },
    { of: 'kept', to: 'untraced', key: 'stagesCpu', below: 1.05 },
    { of: 'kept', key: 'tracerSeconds', below: 180 },
    { of: 'sampled', key: 'spansLost', below: 1 },
    { of: 'kept', key: 'spansLost', below: 1 },
    { of: 'kept', key: 'stageMemory', below: 140 },
  ],
  async measure(context) {
    await using servers = await startDedicatedServers()
    const { messages } = context.sizes
    const measured = await repeat(context, cases, async (plan) => {
      if (plan !== bareLoopCase) return await measureDrain(servers, { ...plan, messages }, context)
      await using run = await startRun(servers)
      const { perSecond = 0 } = await bareLoop('rows')(run, messages, context.signal)
      return { finished: perSecond }
    })
    return { tables, notes: [note], ...measured }
  },
}

const SLOW_STAGE = 'multiply'
const DELAY_MS = 5
/** Can be shared evenly by one, two and three processes. */
const PARTITIONS = 6
const MOST_MESSAGES = 1500

const replicaCases = [1, 2, 3].map((count): DrainCase => ({
  name: count === 1 ? '1 process' : `${count} processes`,
  about: '',
  settings: { TOPIC_PARTITIONS: String(PARTITIONS) },
  readMore: readComputed,
  commands: [
    ...stages.filter(({ name }) => name !== SLOW_STAGE),
    ...Array.from({ length: count }, () => plainStage(SLOW_STAGE, DELAY_MS)),
  ],
}))

export const replicas: Suite = {
  name: 'replicas',
  about: `The stage ${SLOW_STAGE} made slow, ${DELAY_MS} ms a message without CPU time, and run by 1, 2 and 3 processes.`,
  async measure(context) {
    await using servers = await startDedicatedServers()
    const messages = Math.min(MOST_MESSAGES, context.sizes.messages)
    const measured = await repeat(context, replicaCases, (plan) => measureDrain(servers, { ...plan, messages }, context))
    const replicaColumns = { computed: 'messages/s', finished: 'of the whole pipeline' }
    const replicaNote =
      `${messages} messages, ${PARTITIONS} partitions. One such process can do ${1000 / DELAY_MS} a second. Measured is the time in ` +
      'which the middle 60 % of the messages were computed there: processes do not start and end together.'
    return { tables: [{ columns: replicaColumns }], notes: [replicaNote], ...measured }
  },
}

/** Messages a second of the slow stage, while all of its processes had work. */
async function readComputed(database: Database): Promise<Figures> {
  const { rows } = await database.query<{ computed: number }>(
    `with numbered as (
       select computed_at, ntile(5) over (order by computed_at) as fifth from results where stage = $1
     )
     select count(*) / extract(epoch from max(computed_at) - min(computed_at))::float8 as computed
     from numbered where fifth between 2 and 4`,
    [SLOW_STAGE],
  )
  return rows[0] ?? {}
}
