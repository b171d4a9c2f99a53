import { startOwnServers } from '../test/own-servers.ts'
import { drainOnce } from './drain-once.ts'
import { drainColumns } from './drain-columns.ts'
import { inRounds, type Bench, type Part, type Planned } from './part.ts'
import { asShipped, type StageCommand } from './stage-processes.ts'

const SLOW = 'multiply'
const HOLD_MS = 5
/** Six can be shared out evenly among one, two and three. */
const PARTITIONS = 6
const MOST_MESSAGES = 3000

const slow: StageCommand = {
  args: ['bench/unwatched-stage.ts', SLOW, '--hold', String(HOLD_MS)],
  hasDoors: false,
}
const others = asShipped.filter(({ args }) => !args.includes(SLOW))

const cases: readonly (Planned & { readonly replicas: number })[] = [1, 2, 3].map((replicas) => ({
  name: replicas === 1 ? '1 process' : `${replicas} processes`,
  about: `of the stage ${SLOW}, held up ${HOLD_MS} ms by each message`,
  replicas,
}))

async function measure(bench: Bench) {
  await using servers = await startOwnServers()
  const messages = Math.min(MOST_MESSAGES, bench.sizes.messages)
  const measured = await inRounds(bench, cases, ({ replicas }) => {
    const commands = [...others, ...Array.from({ length: replicas }, () => slow)]
    const settings = { TOPIC_PARTITIONS: String(PARTITIONS) }
    return drainOnce(servers, { messages, commands, settings }, bench)
  })
  const columns = drainColumns.filter(({ key }) => key === 'finished' || key === 'finishedFromStart')
  const note = `${messages} messages, ${PARTITIONS} partitions. One such process can do ${1000 / HOLD_MS} a second.`
  return { columns, notes: [note], ...measured }
}

export const replicas: Part = {
  name: 'replicas',
  about: `The stage ${SLOW} made slow, ${HOLD_MS} ms a message without using the processor, and run by 1, 2 and 3 processes.`,
  measure,
}
