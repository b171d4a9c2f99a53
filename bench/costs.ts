import { startOwnServers } from '../test/support/own-servers.ts'
import { drainColumns, drainNote } from './drain-columns.ts'
import { drainOnce } from './drain-once.ts'
import { inRounds, type Bench, type Part, type Planned } from './part.ts'
import { asShipped, rowless, unwatched, type StageCommand } from './stage-processes.ts'

interface CostCase extends Planned {
  readonly settings?: Readonly<Record<string, string>>
  readonly commands?: readonly StageCommand[]
}

const cases: readonly CostCase[] = [
  { name: 'everything but traces', about: 'what the others are compared with: integers, 4 partitions' },
  { name: 'no traceparent', about: 'OTEL_SDK_DISABLED=true', settings: { OTEL_SDK_DISABLED: 'true' } },
  { name: 'no metrics', about: 'neither metrics nor their readers', commands: unwatched },
  {
    name: 'no metrics, no rows',
    about: 'only the first batches and what has finished are saved',
    commands: rowless,
  },
  { name: 'two decimals', about: 'NUMBERS_DECIMALS=2', settings: { NUMBERS_DECIMALS: '2' } },
  { name: '1 partition', about: 'TOPIC_PARTITIONS=1', settings: { TOPIC_PARTITIONS: '1' } },
  { name: '6 partitions', about: 'TOPIC_PARTITIONS=6', settings: { TOPIC_PARTITIONS: '6' } },
]

async function measure(bench: Bench) {
  await using servers = await startOwnServers()
  const messages = Math.ceil(bench.sizes.messages * SHARE)
  const measured = await inRounds(bench, cases, ({ settings = {}, commands = asShipped }) =>
    drainOnce(servers, { messages, commands, settings }, bench),
  )
  return { columns: drainColumns, notes: [drainNote, tracesNote], ...measured }
}

/** Short drains are compared with short ones. */
const SHARE = 0.3

const tracesNote = 'What traces cost shows in the part `drain`.'

export const costs: Part = {
  name: 'costs',
  about: 'The drain with 30 % of its messages, one thing changed at a time.',
  measure,
}
