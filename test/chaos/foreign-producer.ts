import { setTimeout as sleep } from 'node:timers/promises'
import { createKafka, type IHeaders } from '../../kafka/client.ts'
import { kafkaSettings } from '../../kafka/settings.ts'
import type { Config } from '../../pipeline/config.ts'
import { newMessageId } from '../../pipeline/message.ts'
import { pipeline } from '../../stages/index.ts'
import { createLog } from '../../telemetry/log.ts'
import { oneOf } from '../support/data/random.ts'

export interface ProduceOptions {
  readonly config: Config
  readonly random: () => number
  /** The approximate number of messages a second. */
  readonly rate: number
  readonly signal: AbortSignal
}

/**
 * Sends records as a foreign client would, some of them invalid, until the signal. A failed send is not repeated, although
 * the record may be on the topic: the messages that entered are those that the topics hold.
 */
export async function produceForeignRecords({ config, random, rate, signal }: ProduceOptions): Promise<void> {
  const kafka = createKafka(kafkaSettings(config, 'foreign-producer'), createLog('silent', {}))
  while (!signal.aborted) {
    const producer = kafka.producer({ retry: { retries: 1 } })
    try {
      await producer.connect()
      while (!signal.aborted) {
        for (const { topic, value, headers } of foreignRecords(random)) {
          const partition = Math.floor(random() * config.TOPIC_PARTITIONS)
          await producer.send({ topic, messages: [{ value, headers, partition }] })
        }
        await sleep((2 * random() * 1000) / rate)
      }
    } catch {
      await sleep(500)
    } finally {
      await producer.disconnect().catch(() => undefined)
    }
  }
}

interface ForeignRecord {
  readonly topic: string
  readonly value: Buffer | null
  readonly headers: IHeaders
}

type Random = () => number
type MakeRecords = (random: Random) => ForeignRecord[]

/** One record, or two with the same message id; about one in a hundred is large. */
function foreignRecords(random: Random): ForeignRecord[] {
  return oneOf(random, random() < 0.01 ? large : usual)(random)
}

const at = (topic: string, value: string | Buffer | null, headers: IHeaders = {}): ForeignRecord[] => [
  { topic, value: typeof value === 'string' ? Buffer.from(value) : value, headers },
]

/** The topics of a stage in the middle and of the last one. */
const middle = pipeline[Math.floor(pipeline.length / 2)]?.reads ?? ''
const last = pipeline.at(-1)?.reads ?? ''

const list = (random: Random) =>
  Array.from({ length: 1 + Math.floor(random() * 8) }, () => (random() * 1000).toFixed(2)).join(', ')

const valid = (random: Random) => `{ "numbers": [${list(random)}], "by": "hand" }`

const repeated = (text: string, count: number) => Array.from({ length: count }, () => text).join(',')

/** Some of these have no result, or none at the later stages. */
const usual: readonly MakeRecords[] = [
  (random) => at('start', valid(random)),
  (random) => at('start', valid(random), { tenant: 'blue', tracestate: 'a=b' }),
  (random) => {
    const id = newMessageId()
    const traceparent = `00-${id}-00f067aa0ba902b7-00`
    return at('start', valid(random), { 'message-id': id, traceparent })
  },
  // Two records with one id: the second is a duplicate.
  (random) => {
    const value = valid(random)
    const headers = { 'message-id': newMessageId() }
    return [...at('start', value, headers), ...at('start', value, headers)]
  },
  (random) => at('start', valid(random), { 'message-id': 'mine', attempt: 'x', traceparent: '00-1-2-3' }),
  // To a later stage, with and without the fields that it needs.
  (random) => at(middle, `{"numbers":[${list(random)}],"sum":12.5,"product":1,"lcm":7}`),
  (random) => at(last, `{"numbers":[${list(random)}],"sum":12.5}`),
  (random) => at('start', `hello ${random()}`),
  () => at('start', Buffer.from([0x7b, 0xff, 0x7d])),
  () => at('start', ''),
  () => at('start', null),
  () => at('start', '[1,2]', { 'message-id': newMessageId() }),
  () => at('start', '{"number":[1]}'),
  () => at('start', '{"numbers":[]}'),
  () => at('start', '{"numbers":[1,"2"]}'),
  () => at('start', '{"numbers":[1e400000]}'),
  () => at('start', '{"numbers":[-5,-1,-7]}'),
  () => at('start', '{"numbers":[1e400]}', { 'message-id': newMessageId() }),
]

const large: readonly MakeRecords[] = [
  (random) => at('start', `{"numbers":[${list(random)}],"note":"${'x'.repeat(200_000)}"}`),
  () => at('start', `{"numbers":[${repeated('9'.repeat(1000), 101)}]}`),
  () => at('start', `{"numbers":[${repeated('1', 10_001)}]}`),
  () => at('start', `{"numbers":[1.25,2.5,3.75,4.125],"note":"${'x'.repeat(899_950)}"}`),
]
