import { newMessageId } from '../../../pipeline/message.ts'
import type { DeadLetter, Message, Result } from '../../../sql/outcome.ts'

const time = 1_700_000_000_000

export function message(offset: number, changes: Partial<Message> = {}): Message {
  const record = { topic: 'start', partition: 0, offset: String(offset), key: null, value: Buffer.from('{}') }
  const times = { sentAt: time, enteredAt: time, queuedAt: time + 1 }
  return {
    id: newMessageId(),
    attempt: 1,
    ...record,
    headers: {},
    forwarded: undefined,
    parent: undefined,
    ...times,
    skewMs: 0,
    badHeaders: 0,
    ...changes,
  }
}

export function result(from: Message, body = '{"numbers":[1.50],"sum":1.5}'): Result {
  const times = { startedAt: time + 2, computedAt: time + 3, skewMs: 0 }
  return { message: from, numbers: '[1.50]', result: '1.5', body, ...times }
}

export function deadLetter(from: Message): DeadLetter {
  return {
    message: from,
    reason: 'not-json',
    explanation: 'no',
    startedAt: time + 2,
    computedAt: time + 3,
    skewMs: 0,
  }
}
