import { afterEach, expect, test, vi } from 'vitest'
import { message } from '../../test/support/data/outcomes.fixture.ts'
import { createLog } from '../log.ts'
import { createDeadLetterFilter, isKept, readEnded } from './read-ended.ts'

afterEach(() => vi.restoreAllMocks())

const finishRecord = message(7, { topic: 'finish' })

/** Reads the rows of a record on the last topic; its row in `finished` is there from the given read on. */
async function read(rowComesAt: number, secondsARead: number) {
  let reads = 0
  let time = 0
  vi.spyOn(performance, 'now').mockImplementation(() => time)
  const { id, attempt, partition, offset } = finishRecord
  const query = ({ name }: { readonly name: string }) => {
    if (name === 'trace-steps') return { rows: [{ id, attempt, stage: 'add', reason: null, queuedAt: 0, computedAt: 0 }] }
    reads += 1
    time += secondsARead * 1000
    const isThere = reads >= rowComesAt
    return {
      rows: [{ id, attempt, finished: isThere ? { partition, offset, sentAt: 1, finishedAt: 2 } : null }],
    }
  }
  const ended = await readEnded([finishRecord], {
    database: { query: (options: never) => Promise.resolve(query(options)) } as never,
    log: createLog('silent', {}),
    rules: { deadLetterTopic: 'dead-letter', slowerThan: 0 },
    isFirstDeadLetter: createDeadLetterFilter(),
    signal: new AbortController().signal,
    retry: (attemptOnce) => attemptOnce((_, step) => step()),
    onSkipped: () => {},
  })
  return { reads, finished: ended[0]?.rows.finished }
}

test('the row of a finished message is waited for, longer than the last stage needs to start again', async () => {
  expect(await read(4, 100)).toMatchObject({ reads: 4, finished: { sentAt: 1, finishedAt: 2 } })
})

test('a row that does not come is replaced by what the record says', async () => {
  const { reads, finished } = await read(Infinity, 400)
  expect(reads).toBe(4)
  expect(finished).toMatchObject({ offset: finishRecord.offset, finishedAt: finishRecord.queuedAt * 1000 })
})

const rules = { deadLetterTopic: 'dead-letter', slowerThan: 5 }
const parent = { traceId: 'f'.repeat(32), spanId: 'b'.repeat(16), sampled: true }
const unsampled = { parent: { ...parent, sampled: false } }

/** A message that took so many milliseconds. */
const took = (ms: number) => ({ enteredAt: 1_700_000_000_000, queuedAt: 1_700_000_000_000 + ms })

test('a trace is kept that was sampled where its message entered', () => {
  expect(isKept(message(1, { parent, ...took(10) }), rules)).toBe(true)
  expect(isKept(message(1, { ...unsampled, ...took(10) }), rules)).toBe(false)
  expect(isKept(message(1, took(10)), rules)).toBe(false)
})

test('a trace is kept of each dead letter, and of a message that took too long', () => {
  expect(isKept(message(1, { topic: 'dead-letter', ...unsampled, ...took(10) }), rules)).toBe(true)
  expect(isKept(message(1, { ...unsampled, ...took(5000) }), rules)).toBe(false)
  expect(isKept(message(1, { ...unsampled, ...took(5001) }), rules)).toBe(true)
  expect(isKept(message(1, { ...unsampled, ...took(60_000) }), { ...rules, slowerThan: 0 })).toBe(false)
})
