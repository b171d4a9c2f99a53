import { startOwnServers } from '../test/own-servers.ts'
import { drainColumns, drainNote } from './drain-columns.ts'
import { drainOnce } from './drain-once.ts'
import { inRounds, type Bench, type Part, type Planned } from './part.ts'
import { startSink } from './span-backend.ts'
import { asShipped, unwatched, type StageCommand } from './stage-processes.ts'

interface CostCase extends Planned {
  readonly settings?: Readonly<Record<string, string>>
  readonly commands?: readonly StageCommand[]
  readonly isTraced?: true
}

const cases: readonly CostCase[] = [
  { name: 'everything but traces', about: 'what the others are compared with: integers, 4 partitions' },
  { name: 'no metrics', about: 'neither metrics nor doors nor their readers', commands: unwatched },
  { name: 'all traces', about: 'every trace, to a process that counts spans', isTraced: true },
  { name: 'two decimals', about: 'NUMBERS_DECIMALS=2', settings: { NUMBERS_DECIMALS: '2' } },
  { name: '1 partition', about: 'TOPIC_PARTITIONS=1', settings: { TOPIC_PARTITIONS: '1' } },
  { name: '6 partitions', about: 'TOPIC_PARTITIONS=6', settings: { TOPIC_PARTITIONS: '6' } },
]

async function measure(bench: Bench) {
  await using servers = await startOwnServers()
  const messages = Math.ceil(bench.sizes.messages / 2)
  const measured = await inRounds(bench, cases, async ({ settings = {}, commands = asShipped, isTraced }) => {
    const drain = { messages, commands, settings }
    if (!isTraced) return await drainOnce(servers, drain, bench)
    await using backend = await startSink()
    return await drainOnce(servers, { ...drain, traces: { backend, ratio: 1 } }, bench)
  })
  return { columns: drainColumns, notes: [drainNote, rowsNote], ...measured }
}

const rowsNote =
  'What rows cost shows in the part `ceilings`: a bare loop of six hops that inserts rows, beside one that does not.'

export const costs: Part = {
  name: 'costs',
  about: 'The drain with half as many messages, one thing changed at a time.',
  measure,
}
