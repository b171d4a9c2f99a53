import type { IHeaders } from 'kafkajs'
import { newMessageId } from '../../pipeline/message.ts'
import { oneOf } from './draws.ts'

/** A record as somebody posts it by hand. */
export interface HandMade {
  readonly topic: string
  readonly value: Buffer | null
  readonly headers: IHeaders
}

type Draw = () => number
type Maker = (random: Draw) => HandMade[]

const at = (topic: string, value: string | Buffer | null, headers: IHeaders = {}): HandMade[] => [
  { topic, value: typeof value === 'string' ? Buffer.from(value) : value, headers },
]

const list = (random: Draw) =>
  Array.from({ length: 1 + Math.floor(random() * 8) }, () => (random() * 1000).toFixed(2)).join(', ')

const good = (random: Draw) => `{ "numbers": [${list(random)}], "by": "hand" }`

const repeated = (text: string, count: number) => Array.from({ length: count }, () => text).join(',')

/** What is often seen; some of it has no answer, or none before the last stages. */
const everyday: readonly Maker[] = [
  (random) => at('start', good(random)),
  (random) => at('start', good(random), { tenant: 'blue', tracestate: 'a=b' }),
  (random) => {
    const id = newMessageId()
    const traceparent = `00-${id}-00f067aa0ba902b7-00`
    return at('start', good(random), { 'message-id': id, traceparent })
  },
  // Twice under one id: only one of them may pass.
  (random) => {
    const value = good(random)
    const headers = { 'message-id': newMessageId() }
    return [...at('start', value, headers), ...at('start', value, headers)]
  },
  (random) => at('start', good(random), { 'message-id': 'mine', attempt: 'x', traceparent: '00-1-2-3' }),
  // In the middle of the pipeline, with and without what that stage needs.
  (random) => at('stage4', `{"numbers":[${list(random)}],"sum":12.5,"product":1,"lcm":7}`),
  (random) => at('stage6', `{"numbers":[${list(random)}],"sum":12.5}`),
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

/** What is large. */
const large: readonly Maker[] = [
  (random) => at('start', `{"numbers":[${list(random)}],"note":"${'x'.repeat(200_000)}"}`),
  () => at('start', `{"numbers":[${repeated('9'.repeat(1000), 101)}]}`),
  () => at('start', `{"numbers":[${repeated('1', 10_001)}]}`),
  () => at('start', `{"numbers":[1.25,2.5,3.75,4.125],"note":"${'x'.repeat(899_950)}"}`),
]

/** One message, or two that are one; every hundredth is large. */
export function handMade(random: Draw): HandMade[] {
  return oneOf(random, random() < 0.01 ? large : everyday)(random)
}
