import { max, sum } from 'simple-statistics'
import { createKafka } from '../kafka/client.ts'
import { kafkaSettings } from '../kafka/settings.ts'
import { runToEnd } from '../local/child-process.ts'
import { newMessageId } from '../pipeline/message.ts'
import { finish, pipeline } from '../stages/index.ts'
import { createLog } from '../telemetry/log.ts'
import { startDedicatedServers } from '../test/support/processes/dedicated-servers.ts'
import { bareInsert, type BareRow, type HopTimes } from './bare-hop.ts'
import { startRun, type BenchmarkRun } from './benchmark-run.ts'
import { script } from '../local/throughline-process.ts'
import { repeat, type CasePlan, type Figures, type Suite } from './suite.ts'

const BATCH = 1000
/** Sent or inserted before the clock starts, so that connections are open and code is compiled. */
const WARM_UP = 20_000
const PARTITIONS = 4

/** The body of a message of twelve integers behind the third stage, in the middle of the pipeline. */
const body =
  '{"numbers":[52331,8120,99716,4410,73055,61208,1377,88541,30662,9475,45918,67023],"sum":541836,' +
  '"product":71254310986332741120894470016352000,"lcm":1187571849772212352014907833605872}'

/** Batches of at most a thousand elements, which `make` makes for a partition and from the index of the first. */
function batchesOf<T>(total: number, make: (partition: number, first: number, size: number) => T): T[] {
  return Array.from({ length: Math.ceil(total / BATCH) }, (_, index) => {
    return make(index % PARTITIONS, index * BATCH, Math.min(BATCH, total - index * BATCH))
  })
}

async function fourAtATime<T>(batches: T[], send: (batch: T) => Promise<unknown>): Promise<void> {
  const worker = async () => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) await send(batch)
  }
  await Promise.all(Array.from({ length: 4 }, worker))
}

async function perSecond(total: number, work: () => Promise<void>): Promise<number> {
  const begun = performance.now()
  await work()
  return total / ((performance.now() - begun) / 1000)
}

function recordBatches(topic: string, total: number) {
  return batchesOf(total, (partition, _, size) => {
    const headers = () => ({ 'message-id': newMessageId(), attempt: '1', 'sent-at': Date.now().toFixed(3) })
    const messages = Array.from({ length: size }, () => ({ value: body, partition, headers: headers() }))
    return { topic, acks: -1, messages }
  })
}

/** Sends records of the size of messages to the first topic. The batches are made before the clock starts. */
async function produce({ config }: BenchmarkRun, total: number): Promise<Figures> {
  const settings = kafkaSettings(config, 'bench')
  const producer = createKafka(settings, createLog('silent', {})).producer(settings.producer)
  const topicOf = (name: string) => config.TOPIC_PREFIX + name
  const batches = recordBatches(topicOf(topics[0] ?? ''), total)
  await producer.connect()
  try {
    await fourAtATime(recordBatches(topicOf(finish), WARM_UP), (batch) => producer.send(batch))
    return { perSecond: await perSecond(total, () => fourAtATime(batches, (batch) => producer.send(batch))) }
  } finally {
    await producer.disconnect()
  }
}

function rowBatches(total: number) {
  return batchesOf(total, (partition, first, size) => {
    const rows = Array.from({ length: size }, (_, row): BareRow => [newMessageId(), String(first + row), body])
    return bareInsert('lcm', partition, rows)
  })
}

async function insert({ database }: BenchmarkRun, total: number): Promise<Figures> {
  const batches = rowBatches(total)
  await fourAtATime(rowBatches(WARM_UP), (batch) => database.query(batch))
  return { perSecond: await perSecond(total, () => fourAtATime(batches, (batch) => database.query(batch))) }
}

const topics = [...pipeline.map(({ reads }) => reads), finish]

/** Records a second and the CPU time of all hops, through a bare loop that inserts rows or not. */
export const bareLoop = (rows: 'rows' | '') => async (run: BenchmarkRun, records: number, signal: AbortSignal) => {
  await produce(run, records)
  return await runHops(run, [String(records), rows], signal)
}

/** Passes the records of the first topic through a bare hop for each stage. The first hop is started when the others are ready. */
async function runHops({ env }: BenchmarkRun, args: readonly string[], signal: AbortSignal): Promise<Figures> {
  const failed = new AbortController()
  const hop = async (index: number, onReady: () => void) => {
    const command = script(['bench/bare-hop.ts', topics[index] ?? '', topics[index + 1] ?? '', ...args], env)
    const onLine = (line: string) => void (line === 'ready' && onReady())
    const output = await runToEnd({ ...command, onLine, signal: AbortSignal.any([signal, failed.signal]) })
    return JSON.parse(output.split('\n').at(-1) ?? '') as HopTimes
  }
  const ready = pipeline.slice(1).map(() => Promise.withResolvers<void>())
  const others = ready.map(({ resolve }, index) => hop(index + 1, resolve))
  const first = Promise.all(ready.map(({ promise }) => promise)).then(() => hop(0, () => {}))
  try {
    const hops = await Promise.all([first, ...others])
    const seconds = (max(hops.map(({ endedAt }) => endedAt)) - (await first).begunAt) / 1000
    const records = Number(args[0])
    return { perSecond: records / seconds, cpu: sum(hops.map(({ cpu }) => cpu)) / records }
  } finally {
    // When a hop has failed, the others would wait for ever.
    failed.abort(new Error('A hop has failed'))
  }
}

const cases = [
  {
    name: 'raw produce',
    about: 'kafkajs sends records in batches of 1,000 to 4 partitions',
    measure: produce,
  },
  { name: 'raw insert', about: 'rows of `results` in batches of 1,000 over 4 connections', measure: insert },
  {
    name: 'bare loop',
    about: 'six processes in a row, each consumes, sends on, commits',
    measure: bareLoop(''),
  },
  { name: 'bare loop with rows', about: 'each inserts a row first', measure: bareLoop('rows') },
] as const satisfies readonly (CasePlan & { measure: unknown })[]

export const ceilings: Suite = {
  name: 'ceilings',
  about: 'What Kafka, Postgres and a bare loop of consumers can do at most on this machine.',
  async measure(context) {
    await using servers = await startDedicatedServers()
    const columns = { perSecond: 'a second', cpu: 'CPU us a record, hops' }
    const measured = await repeat(context, cases, async ({ measure }) => {
      await using run = await startRun(servers)
      return await measure(run, context.sizes.messages, context.signal)
    })
    return { tables: [{ columns }], notes: [note], ...measured }
  },
}

const note =
  'Records and rows are messages of 12 integers behind the third stage; produce and insert are warmed up. The bare loop computes ' +
  'nothing and is timed like a drain, from the start of the first record to the end of the last.'
