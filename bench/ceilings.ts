import { max, sum } from 'simple-statistics'
import { exitMessage, startChild, type Child } from '../local/child-process.ts'
import { script } from '../local/throughline-process.ts'
import { newMessageId } from '../pipeline/message.ts'
import { finish, pipeline } from '../stages/index.ts'
import { unlessAborted, waitUntil } from '../telemetry/wait-until.ts'
import { startDedicatedServers } from '../test/support/processes/dedicated-servers.ts'
import type { HopTimes } from './bare-hop.ts'
import { clientOf, startRun, type BenchmarkRun } from './benchmark-run.ts'
import { repeat, type BenchContext, type Figures, type Suite } from './suite.ts'

const BATCH = 1000
const PARTITIONS = [0, 1, 2, 3]
export const PER_SECOND = 'a second'

const topics = [...pipeline.map(({ reads }) => reads), finish]

/** The body of a message of twelve integers behind the third stage, in the middle of the pipeline. */
const body =
  '{"numbers":[52331,8120,99716,4410,73055,61208,1377,88541,30662,9475,45918,67023],"sum":541836,' +
  '"product":71254310986332741120894470016352000,"lcm":1187571849772212352014907833605872}'

export const ceilings: Suite = {
  name: 'ceilings',
  about: 'What a bare loop of consumers can do at most on this machine: six processes in a row, one for each stage.',
  async measure(context) {
    await using servers = await startDedicatedServers()
    const loop = (rows: 'rows' | '') => async () => {
      await using run = await startRun(servers)
      return await bareLoop(run, rows, context)
    }
    const measured = await repeat(context, [
      { name: 'bare loop', about: 'each process consumes, sends on, commits', measure: loop('') },
      { name: 'bare loop with rows', about: 'each inserts a row first', measure: loop('rows') },
    ])
    return { ...measured, note }
  },
}

const note =
  'Records and rows are messages of 12 integers behind the third stage. The bare loop computes nothing and is timed like a drain, ' +
  'from the start of the first record to the end of the last.'

/** Sends records of the size of messages to the first topic, in batches to its partitions side by side. */
async function produce({ config }: BenchmarkRun, total: number): Promise<void> {
  const { kafka, settings } = clientOf(config)
  const producer = kafka.producer(settings.producer)
  const topic = config.TOPIC_PREFIX + topics[0]
  const send = async (partition: number) => {
    for (let first = partition * BATCH; first < total; first += PARTITIONS.length * BATCH) {
      const headers = () => ({ 'message-id': newMessageId(), attempt: '1', 'sent-at': Date.now().toFixed(3) })
      const record = () => ({ value: body, partition, headers: headers() })
      const messages = Array.from({ length: Math.min(BATCH, total - first) }, record)
      await producer.send({ topic, acks: -1, messages })
    }
  }
  await producer.connect()
  try {
    await Promise.all(PARTITIONS.map(send))
  } finally {
    await producer.disconnect()
  }
}

/** Records a second and the CPU time of all hops, through a bare hop for each stage that inserts rows or not. */
export async function bareLoop(run: BenchmarkRun, rows: 'rows' | '', context: BenchContext): Promise<Figures> {
  const { signal, sizes } = context
  await produce(run, sizes.messages)
  await using hops = new AsyncDisposableStack()
  const start = async (index: number) => {
    const args = [topics[index] ?? '', topics[index + 1] ?? '', String(sizes.messages), rows]
    return hops.use(await startChild(script(['bench/bare-hop.ts', ...args], run.env)))
  }
  const others = await Promise.all(pipeline.slice(1).map((_, index) => start(index + 1)))
  const areReady = () => others.every((hop) => hop.outputTail().includes('ready'))
  await waitUntil('The hops are ready', areReady, { timeoutMs: 60_000, signal })
  const all = await unlessAborted(Promise.all([start(0), ...others].map(async (hop) => timesOf(await hop))), signal)
  const seconds = (max(all.map(({ endedAt }) => endedAt)) - (all[0]?.begunAt ?? 0)) / 1000
  return {
    [PER_SECOND]: sizes.messages / seconds,
    'CPU us a record, hops': sum(all.map(({ cpu }) => cpu)) / sizes.messages,
  }
}

async function timesOf(hop: Child): Promise<HopTimes> {
  const { code } = await hop.exited
  if (code !== 0) throw new Error(`${await exitMessage(hop)}:\n${hop.outputTail()}`)
  return JSON.parse(hop.outputTail().split('\n').at(-1) ?? '') as HopTimes
}
