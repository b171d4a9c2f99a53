import type { Database } from '../sql/database.ts'
import { startOwnServers } from '../test/support/own-servers.ts'
import { drainOnce } from './drain-once.ts'
import { inRounds, type Bench, type Part, type Planned } from './part.ts'
import type { Column, Figures } from './report.ts'
import { asShipped, type StageCommand } from './stage-processes.ts'

const SLOW = 'multiply'
const HOLD_MS = 5
/** Six can be shared out evenly among one, two and three. */
const PARTITIONS = 6
const MOST_MESSAGES = 1500

const slow: StageCommand = {
  stage: SLOW,
  args: ['bench/unwatched-stage.ts', SLOW, '--hold', String(HOLD_MS)],
}
const others = asShipped.filter(({ stage }) => stage !== SLOW)

const cases: readonly (Planned & { readonly replicas: number })[] = [1, 2, 3].map((replicas) => ({
  name: replicas === 1 ? '1 process' : `${replicas} processes`,
  about: `of the stage ${SLOW}, held up ${HOLD_MS} ms by each message`,
  replicas,
}))

const columns: readonly Column[] = [
  { key: 'computed', title: 'messages/s' },
  { key: 'finished', title: 'of the whole pipeline' },
]

async function measure(bench: Bench) {
  await using servers = await startOwnServers()
  const messages = Math.min(MOST_MESSAGES, bench.sizes.messages)
  const measured = await inRounds(bench, cases, ({ replicas }) => {
    const commands = [...others, ...Array.from({ length: replicas }, () => slow)]
    const settings = { TOPIC_PARTITIONS: String(PARTITIONS) }
    return drainOnce(servers, { messages, commands, settings, readMore: readPace }, bench)
  })
  const note =
    `${messages} messages, ${PARTITIONS} partitions. One such process can do ${1000 / HOLD_MS} a second. What counts is ` +
    'the time in which the middle 60 % of the messages were computed there: processes do not begin and end together.'
  return { columns, notes: [note], ...measured }
}

/** How fast the slow stage was while all of its processes had work. */
async function readPace(database: Database): Promise<Figures> {
  const { rows } = await database.query<{ computed: number }>(
    `with numbered as (
       select computed_at, ntile(5) over (order by computed_at) as fifth from results where stage = $1
     )
     select count(*) / extract(epoch from max(computed_at) - min(computed_at))::float8 as computed
     from numbered where fifth between 2 and 4`,
    [SLOW],
  )
  return rows[0] ?? {}
}

export const replicas: Part = {
  name: 'replicas',
  about: `The stage ${SLOW} made slow, ${HOLD_MS} ms a message without using the processor, and run by 1, 2 and 3 processes.`,
  measure,
}
