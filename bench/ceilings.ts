import { openDatabase } from '../pipeline/database.ts'
import { startOwnServers } from '../test/own-servers.ts'
import { bareLoop } from './bare-loop.ts'
import { inRounds, type Bench, type Part, type Planned } from './part.ts'
import { rawInserts } from './raw-insert.ts'
import { rawProduce } from './raw-produce.ts'
import type { Column, Figures } from './report.ts'
import { startTrial, type Trial } from './trial.ts'

interface CeilingCase extends Planned {
  readonly run: (trial: Trial, amount: number, signal: AbortSignal) => Promise<Figures>
}

const produce: CeilingCase['run'] = async (trial, amount) => ({
  perSecond: await rawProduce(trial, 'start', amount),
})

const insertOver =
  (connections: number): CeilingCase['run'] =>
  async ({ config }, amount) => {
    const database = openDatabase(config, connections, () => {})
    try {
      return { perSecond: await rawInserts(database, amount, connections) }
    } finally {
      await database.end()
    }
  }

const loopOf =
  (hops: number, rows = false): CeilingCase['run'] =>
  async (trial, amount, signal) => {
    await rawProduce(trial, 'start', amount)
    return { ...(await bareLoop(trial, { hops, records: amount, rows, signal })) }
  }

/** Their names are those by which `ratios.ts` finds them. */
const cases = [
  { name: 'raw produce', about: 'kafkajs sends records in batches of 1,000 to 4 partitions', run: produce },
  { name: 'raw insert, 1 connection', about: 'rows of `results` in batches of 1,000', run: insertOver(1) },
  { name: 'raw insert, 4 connections', about: 'the same side by side', run: insertOver(4) },
  { name: 'bare loop, 1 hop', about: 'one process takes, sends on, commits', run: loopOf(1) },
  { name: 'bare loop, 6 hops', about: 'six of them in a row', run: loopOf(6) },
  { name: 'bare loop, 6 hops with rows', about: 'each inserts a row first', run: loopOf(6, true) },
] as const satisfies readonly CeilingCase[]

export type Ceiling = (typeof cases)[number]['name']

const columns: readonly Column[] = [
  { key: 'perSecond', title: 'a second' },
  { key: 'cpu', title: 'CPU us a record, hops' },
]

async function measure(bench: Bench) {
  await using servers = await startOwnServers()
  const measured = await inRounds(bench, cases as readonly CeilingCase[], async ({ run }) => {
    await using trial = await startTrial(servers)
    return await run(trial, bench.sizes.messages, bench.signal)
  })
  return { columns, notes: [note], ...measured }
}

const note =
  'Records are bodies of 12 integers with the three headers of a message. The bare loop computes nothing, knows no ids ' +
  'and makes no promise beyond "at least once".'

export const ceilings: Part = {
  name: 'ceilings',
  about: 'What the parts of the machinery can do at most on this machine, in the same run.',
  measure,
}
