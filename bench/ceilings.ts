import { openDatabase } from '../sql/database.ts'
import { startOwnServers } from '../test/support/own-servers.ts'
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

const CONNECTIONS = 4

const insert: CeilingCase['run'] = async ({ config }, amount) => {
  const database = openDatabase(config, CONNECTIONS, () => {})
  try {
    return { perSecond: await rawInserts(database, amount, CONNECTIONS) }
  } finally {
    await database.end()
  }
}

const loop =
  (rows: boolean): CeilingCase['run'] =>
  async (trial, records, signal) => {
    await rawProduce(trial, 'start', records)
    return { ...(await bareLoop(trial, { records, rows, signal })) }
  }

/** Their names are those by which `ratios.ts` finds them. */
const cases = [
  { name: 'raw produce', about: 'kafkajs sends records in batches of 1,000 to 4 partitions', run: produce },
  { name: 'raw insert', about: 'rows of `results` in batches of 1,000 over 4 connections', run: insert },
  { name: 'bare loop', about: 'six processes in a row, each takes, sends on, commits', run: loop(false) },
  { name: 'bare loop with rows', about: 'each inserts a row first', run: loop(true) },
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
  'Records are bodies as they are in the middle of the pipeline, 12 integers and three results, with the three headers of ' +
  'a message. Produce and insert are warm before the clock starts. The bare loop computes nothing, knows no ids and makes ' +
  'no promise beyond "at least once"; it is timed like a drain, from the first record begun to the last one sent.'

export const ceilings: Part = {
  name: 'ceilings',
  about: 'What the parts of the machinery can do at most on this machine, in the same run.',
  measure,
}
