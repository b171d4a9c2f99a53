import { afterEach, expect, test, vi } from 'vitest'
import { message } from '../../test/support/data/outcomes.fixture.ts'
import { createLog } from '../log.ts'
import { createDeadLetterFilter, readEnded } from './read-ended.ts'

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
      rows: [{ id, attempt, partition: isThere ? partition : null, offset, sentAt: 1, finishedAt: 2 }],
    }
  }
  const { ended } = await readEnded([finishRecord], {
    database: { query: (options: never) => Promise.resolve(query(options)) } as never,
    log: createLog('silent', {}),
    rules: { deadLetterTopic: 'dead-letter', slowerThan: 0 },
    isFirstDeadLetter: createDeadLetterFilter(),
    signal: new AbortController().signal,
    retry: (attemptOnce) => attemptOnce((_, step) => step()),
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
